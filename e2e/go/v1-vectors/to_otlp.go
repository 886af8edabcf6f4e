package main

import (
	"fmt"
	"time"

	"github.com/jaegertracing/jaeger-idl/model/v1"
)

type v1Case struct {
	name string
	span *model.Span
}

var start = time.Date(2026, 1, 2, 3, 4, 5, 678901234, time.UTC)

const spanID = 0x0102030405060708

func toOtlpCases() []v1Case {
	var cases []v1Case
	add := func(name string, edit func(*model.Span)) {
		span := &model.Span{
			TraceID:       model.NewTraceID(0xa1, uint64(len(cases)+1)),
			SpanID:        spanID,
			OperationName: "operation",
			StartTime:     start,
			Duration:      1500 * time.Nanosecond,
			Process:       &model.Process{ServiceName: "service"},
		}
		edit(span)
		cases = append(cases, v1Case{name, span})
	}
	tags := func(name string, tags ...model.KeyValue) {
		add(name, func(s *model.Span) { s.Tags = tags })
	}
	process := func(name string, process *model.Process) {
		add(name, func(s *model.Span) { s.Process = process })
	}
	references := func(name string, of func(model.TraceID) []model.SpanRef) {
		add(name, func(s *model.Span) { s.References = of(s.TraceID) })
	}
	log := func(name string, fields ...model.KeyValue) {
		add(name, func(s *model.Span) { s.Logs = []model.Log{{Timestamp: start, Fields: fields}} })
	}
	text := model.String

	add("a plain span", func(*model.Span) {})
	add("a span without a name or a duration", func(s *model.Span) { s.OperationName, s.Duration = "", 0 })
	add("a trace id of 64 bits", func(s *model.Span) { s.TraceID.High = 0 })
	add("flags", func(s *model.Span) { s.Flags = 3 })

	tags("every type", text("text", "a"), model.Bool("truth", true), model.Int64("whole", -7),
		model.Float64("broken", 72.5), model.Binary("bytes", []byte{0, 255}))
	tags("empty values", text("text", ""), model.Bool("truth", false), model.Int64("whole", 0), model.Float64("broken", 0),
		model.Binary("bytes", nil))
	tags("an unknown type", model.KeyValue{Key: "key", VType: 9, VStr: "a"})
	tags("one key several times", text("key", "first"), text("other", "a"), model.Int64("key", 2), model.Bool("key", true))
	tags("an empty key", text("", "a"))

	for _, kind := range []string{"internal", "server", "client", "producer", "consumer", "unspecified", "Server", ""} {
		tags("the kind "+kind, text("span.kind", kind), text("key", "a"))
	}
	tags("a kind that is no text", model.Int64("span.kind", 2))
	tags("a trace state", text("w3c.tracestate", "a=1,b=2"))
	tags("a trace state that is no text", model.Bool("w3c.tracestate", true))

	description, httpMessage := text("otel.status_description", "why"), text("http.status_message", "http's why")
	tags("an error", model.Bool("error", true))
	tags("no error", model.Bool("error", false), description)
	tags("an error told by a text", text("error", "true"), description)
	tags("an error with a description", model.Bool("error", true), description, httpMessage)
	tags("an error with HTTP's description", model.Bool("error", true), httpMessage)
	for _, code := range []string{"OK", "ERROR", "error", "Ok", "UNSET", "else", ""} {
		tags("the status "+code, text("otel.status_code", code), description)
	}
	tags("a status that is no text", model.Int64("otel.status_code", 2))
	tags("an error with the status OK", model.Bool("error", true), text("otel.status_code", "OK"), description)
	tags("no error with the status ERROR", model.Bool("error", false), text("otel.status_code", "ERROR"))
	tags("a description alone", description)
	tags("a status beside HTTP's", text("otel.status_code", "OK"), model.Int64("http.status_code", 500))
	tags("an error beside HTTP's status", model.Bool("error", true), model.Int64("http.status_code", 200))
	for _, code := range []int64{0, 99, 100, 200, 398, 399, 400, 404, 499, 500, 1000, -1} {
		for _, kind := range []string{"", "server", "client"} {
			tags(fmt.Sprintf("HTTP's status %d of the kind %s", code, kind), model.Int64("http.status_code", code), text("span.kind", kind), httpMessage)
		}
	}
	for _, code := range []string{"503", "+503", "200", "", "5xx", " 503", "99999999999999999999"} {
		tags("HTTP's status as the text "+code, text("http.status_code", code))
	}
	tags("HTTP's status that is no whole number", model.Float64("http.status_code", 500))

	tags("a scope", text("otel.scope.name", "scope"), text("otel.scope.version", "1.0"), text("key", "a"))
	tags("a scope without a version", text("key", "a"), text("otel.scope.name", "scope"))
	tags("a version without a scope", text("otel.scope.version", "1.0"))
	tags("a scope of another type", model.Int64("otel.scope.name", 1), model.Int64("otel.scope.version", 2))
	tags("two scopes", text("otel.scope.name", "one"), text("otel.scope.name", "two"))

	log("a log without fields")
	log("a log with fields", text("key", "a"), model.Int64("key", 1), model.Bool("truth", true))
	log("a named log", text("key", "a"), text("event", "name"))
	log("a log whose name is no text", model.Int64("event", 1))
	add("several logs", func(s *model.Span) {
		s.Logs = []model.Log{{Timestamp: start.Add(1)}, {Timestamp: start, Fields: []model.KeyValue{text("event", "name")}}}
	})

	other := model.NewTraceID(7, 8)
	references("a parent", func(id model.TraceID) []model.SpanRef {
		return []model.SpanRef{model.NewChildOfRef(id, 1)}
	})
	references("what it follows from", func(id model.TraceID) []model.SpanRef {
		return []model.SpanRef{model.NewFollowsFromRef(id, 1)}
	})
	references("a parent in another trace", func(model.TraceID) []model.SpanRef {
		return []model.SpanRef{model.NewChildOfRef(other, 1)}
	})
	references("two parents", func(id model.TraceID) []model.SpanRef {
		return []model.SpanRef{model.NewChildOfRef(id, 1), model.NewChildOfRef(id, 2)}
	})
	references("a parent after what it follows from", func(id model.TraceID) []model.SpanRef {
		return []model.SpanRef{model.NewFollowsFromRef(id, 1), model.NewFollowsFromRef(other, 2), model.NewChildOfRef(id, 3)}
	})
	references("a parent twice", func(id model.TraceID) []model.SpanRef {
		return []model.SpanRef{model.NewChildOfRef(id, 1), model.NewChildOfRef(id, 1), model.NewFollowsFromRef(id, 1)}
	})
	references("a parent's id in another trace", func(id model.TraceID) []model.SpanRef {
		return []model.SpanRef{model.NewChildOfRef(id, 1), model.NewChildOfRef(other, 1)}
	})
	references("a parent without an id", func(id model.TraceID) []model.SpanRef {
		return []model.SpanRef{model.NewChildOfRef(id, 0), model.NewFollowsFromRef(id, 2)}
	})
	references("nothing", func(model.TraceID) []model.SpanRef {
		return []model.SpanRef{{}, model.NewFollowsFromRef(model.TraceID{}, 0)}
	})
	references("a trace id of 64 bits", func(model.TraceID) []model.SpanRef {
		return []model.SpanRef{model.NewFollowsFromRef(model.NewTraceID(0, 8), 1)}
	})
	references("an unknown type", func(id model.TraceID) []model.SpanRef {
		return []model.SpanRef{{TraceID: id, SpanID: 1, RefType: 9}}
	})

	process("no process", nil)
	process("an empty process", &model.Process{})
	process("tags without a service", &model.Process{Tags: []model.KeyValue{text("key", "a")}})
	process("a process with tags", &model.Process{
		ServiceName: "service",
		Tags:        []model.KeyValue{text("key", "a"), model.Int64("key", 1), model.Binary("bytes", []byte{1})},
	})
	process("the name for none", &model.Process{
		ServiceName: "OTLPResourceNoServiceName", Tags: []model.KeyValue{text("key", "a")},
	})
	process("a service's name among the tags", &model.Process{
		ServiceName: "service", Tags: []model.KeyValue{text("key", "a"), text("service.name", "other")},
	})
	process("a host's name", &model.Process{
		ServiceName: "service", Tags: []model.KeyValue{text("hostname", "host"), text("ip", "10.0.0.1"), text("key", "a")},
	})
	process("two hosts' names", &model.Process{
		ServiceName: "service", Tags: []model.KeyValue{text("hostname", "host"), text("host.name", "other")},
	})
	process("a host's name that is no text", &model.Process{
		ServiceName: "service", Tags: []model.KeyValue{model.Int64("hostname", 1)},
	})
	process("a client's version", &model.Process{
		ServiceName: "service", Tags: []model.KeyValue{text("jaeger.version", "Go-2.30.0")},
	})
	process("two exporters' versions", &model.Process{
		ServiceName: "service",
		Tags:        []model.KeyValue{text("jaeger.version", "Go-2.30.0"), text("opencensus.exporterversion", "other")},
	})
	process("a client's version that is no text", &model.Process{
		ServiceName: "service", Tags: []model.KeyValue{model.Int64("jaeger.version", 2)},
	})
	return cases
}
