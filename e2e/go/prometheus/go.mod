// Pins Prometheus 3.5.0 and promtool (3.x.y are the module's 0.30x.y). e2e/programs builds them in a copy of the module,
// with its own go.mod and go.sum: nothing is imported here, and `go mod tidy` would drop the line.
module spoor/e2e/prometheus

go 1.23.0

require github.com/prometheus/prometheus v0.305.0
