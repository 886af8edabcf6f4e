# Stands in for jaegertracing/all-in-one: the same paths, user and volume, and a busybox where upstream has Alpine's.
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
COPY sidecar-jaeger /go/bin/all-in-one-linux
VOLUME ["/tmp"]
USER 10001
ENTRYPOINT ["/go/bin/all-in-one-linux"]
