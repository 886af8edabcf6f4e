# Stands in for debian:bookworm-slim. The build context is the tar of a debootstrap folder.
FROM scratch
ADD rootfs.tar /
CMD ["bash"]
