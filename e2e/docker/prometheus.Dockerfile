# Stands in for prom/prometheus: the same paths, user and volume, on a busybox as upstream. It has no web UI: the
# assets are not in the module.
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
COPY prometheus promtool /bin/
RUN mkdir -m 1777 /tmp && mkdir -p /etc/prometheus /prometheus && \
    echo "nobody:x:65534:65534:nobody:/home:/bin/false" >/etc/passwd && \
    echo "nobody:x:65534:" >/etc/group && \
    chown nobody:nobody /etc/prometheus /prometheus && chmod g+w /prometheus
WORKDIR /prometheus
USER nobody
EXPOSE 9090
VOLUME ["/prometheus"]
ENTRYPOINT ["/bin/prometheus"]
CMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]
