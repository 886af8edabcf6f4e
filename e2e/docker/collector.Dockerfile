# Stands in for otel/opentelemetry-collector-contrib: one program and, as upstream, no shell or anything else to call.
FROM scratch
COPY collector /otelcol-contrib
EXPOSE 4317 4318 55679
USER 10001:10001
ENTRYPOINT ["/otelcol-contrib"]
CMD ["--config", "/etc/otelcol-contrib/config.yaml"]
