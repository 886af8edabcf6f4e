// The .proto files of Jaeger's storage contract, which tests/idl.rs compares with ours. No Go package
// holds them: the line only pins the module, and `go mod tidy` would drop it.
module spoor/e2e/idl

go 1.25.0

require github.com/jaegertracing/jaeger-idl v0.14.0
