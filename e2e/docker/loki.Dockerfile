# Stands in for grafana/loki: the same paths and user, and as upstream no shell.
FROM scratch AS folders
COPY busybox /bin/busybox
RUN ["/bin/busybox", "mkdir", "-p", "/etc/loki", "/loki/rules", "/loki/rules-temp"]
RUN ["/bin/busybox", "mkdir", "-m", "1777", "/tmp"]

FROM scratch
COPY loki /usr/bin/loki
COPY --from=folders --chown=10001:10001 /etc/loki /etc/loki
COPY --from=folders --chown=10001:10001 /loki /loki
COPY --from=folders /tmp /tmp
USER 10001
WORKDIR /
EXPOSE 3100
ENTRYPOINT ["/usr/bin/loki"]
CMD ["-config.file=/etc/loki/local-config.yaml"]
