package main

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

type otlpCase struct {
	name   string
	traces ptrace.Traces
}

func fromOtlpCases() []otlpCase {
	var cases []otlpCase
	add := func(name string, edit func(ptrace.Traces)) {
		traces := ptrace.NewTraces()
		cases = append(cases, otlpCase{name, traces})
		rs := traces.ResourceSpans().AppendEmpty()
		rs.Resource().Attributes().PutStr("service.name", "service")
		fill(rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty(), byte(len(cases)), 1)
		edit(traces)
	}
	resource := func(name string, edit func(pcommon.Map)) {
		add(name, func(t ptrace.Traces) { edit(t.ResourceSpans().At(0).Resource().Attributes()) })
	}
	scope := func(name string, edit func(pcommon.InstrumentationScope)) {
		add(name, func(t ptrace.Traces) { edit(t.ResourceSpans().At(0).ScopeSpans().At(0).Scope()) })
	}
	span := func(name string, edit func(ptrace.Span)) {
		add(name, func(t ptrace.Traces) { edit(t.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)) })
	}
	event := func(name string, edit func(ptrace.SpanEvent)) {
		span(name, func(s ptrace.Span) {
			event := s.Events().AppendEmpty()
			event.SetTimestamp(pcommon.NewTimestampFromTime(start.Add(time.Nanosecond)))
			edit(event)
		})
	}
	parent, other := pcommon.SpanID{7}, pcommon.SpanID{8}
	link := func(s ptrace.Span, trace pcommon.TraceID, span pcommon.SpanID, kind string) {
		link := s.Links().AppendEmpty()
		link.SetTraceID(trace)
		link.SetSpanID(span)
		if kind != "" {
			link.Attributes().PutStr("opentracing.ref_type", kind)
		}
	}

	span("a plain span", func(ptrace.Span) {})
	span("a span that ends before it starts", func(s ptrace.Span) { s.SetEndTimestamp(s.StartTimestamp() - 1_500_000_000) })
	span("what v1 has no place for", func(s ptrace.Span) {
		s.SetFlags(1)
		s.SetDroppedAttributesCount(2)
		s.SetDroppedEventsCount(3)
		s.SetDroppedLinksCount(4)
	})
	add("a resource's and a scope's rest", func(t ptrace.Traces) {
		rs := t.ResourceSpans().At(0)
		rs.SetSchemaUrl("https://resource")
		rs.Resource().SetDroppedAttributesCount(1)
		rs.ScopeSpans().At(0).SetSchemaUrl("https://scope")
		rs.ScopeSpans().At(0).Scope().Attributes().PutStr("key", "a")
	})
	add("several of each", func(t ptrace.Traces) {
		id := byte(len(cases))
		first := t.ResourceSpans().At(0)
		fill(first.ScopeSpans().At(0).Spans().AppendEmpty(), id, 2)
		second := first.ScopeSpans().AppendEmpty()
		second.Scope().SetName("second")
		fill(second.Spans().AppendEmpty(), id, 3)
		rs := t.ResourceSpans().AppendEmpty()
		rs.Resource().Attributes().PutStr("service.name", "another")
		fill(rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty(), id, 4)
	})

	span("every type", func(s ptrace.Span) { everyType(s.Attributes()) })
	resource("a resource with every type", everyType)
	resource("a resource without attributes", pcommon.Map.Clear)
	resource("a resource without a service", func(m pcommon.Map) { m.Clear(); m.PutStr("key", "a") })
	resource("a resource without a service's name", func(m pcommon.Map) { m.PutStr("service.name", "") })
	resource("a service that is no text", func(m pcommon.Map) { m.PutInt("service.name", 1) })
	resource("a host", func(m pcommon.Map) { m.PutStr("host.name", "host"); m.PutStr("opencensus.exporterversion", "Jaeger-1") })

	scope("a scope", func(s pcommon.InstrumentationScope) { s.SetName("scope"); s.SetVersion("1.0") })
	scope("a scope without a version", func(s pcommon.InstrumentationScope) { s.SetName("scope") })
	scope("a version without a scope", func(s pcommon.InstrumentationScope) { s.SetVersion("1.0") })

	for kind := ptrace.SpanKindUnspecified; kind <= ptrace.SpanKindConsumer; kind++ {
		span("the kind "+kind.String(), func(s ptrace.Span) { s.SetKind(kind) })
	}
	for code := ptrace.StatusCodeUnset; code <= ptrace.StatusCodeError; code++ {
		span("the status "+code.String(), func(s ptrace.Span) { s.Status().SetCode(code) })
		span("with a message the status "+code.String(), func(s ptrace.Span) {
			s.Status().SetCode(code)
			s.Status().SetMessage("why")
		})
	}
	span("a trace state", func(s ptrace.Span) { s.TraceState().FromRaw("a=1,b=2") })
	span("attributes by the names of fields", func(s ptrace.Span) {
		for _, key := range []string{"span.kind", "error", "otel.status_code", "otel.scope.name", "w3c.tracestate"} {
			s.Attributes().PutStr(key, "a")
		}
		s.SetKind(ptrace.SpanKindServer)
		s.Status().SetCode(ptrace.StatusCodeError)
	})

	event("an event without a name", func(ptrace.SpanEvent) {})
	event("an event", func(e ptrace.SpanEvent) { e.SetName("name"); everyType(e.Attributes()); e.SetDroppedAttributesCount(1) })
	event("an event with an attribute named so", func(e ptrace.SpanEvent) { e.SetName("name"); e.Attributes().PutInt("event", 1) })

	span("a parent", func(s ptrace.Span) { s.SetParentSpanID(parent) })
	span("links", func(s ptrace.Span) {
		s.SetParentSpanID(parent)
		for _, kind := range []string{"", "child_of", "follows_from", "else"} {
			link(s, s.TraceID(), other, kind)
			link(s, pcommon.TraceID{9}, parent, kind)
		}
		s.Links().At(0).TraceState().FromRaw("a=1")
		s.Links().At(0).Attributes().PutStr("key", "a")
	})
	span("links without a parent", func(s ptrace.Span) {
		link(s, s.TraceID(), other, "child_of")
		link(s, s.TraceID(), parent, "")
	})
	span("a link of another type", func(s ptrace.Span) {
		link(s, s.TraceID(), other, "")
		s.Links().At(0).Attributes().PutInt("opentracing.ref_type", 1)
	})
	for _, kind := range []string{"", "child_of", "follows_from"} {
		span("a link to the parent: "+kind, func(s ptrace.Span) {
			s.SetParentSpanID(parent)
			link(s, s.TraceID(), other, "child_of")
			link(s, s.TraceID(), parent, kind)
		})
	}
	return cases
}

func fill(span ptrace.Span, trace, id byte) {
	span.SetTraceID(pcommon.TraceID{0xb2, 15: trace})
	span.SetSpanID(pcommon.SpanID{0xc3, 7: id})
	span.SetName("operation")
	span.SetStartTimestamp(pcommon.NewTimestampFromTime(start))
	span.SetEndTimestamp(pcommon.NewTimestampFromTime(start.Add(1500 * time.Nanosecond)))
}

func everyType(m pcommon.Map) {
	m.PutStr("text", "a")
	m.PutStr("no text", "")
	m.PutBool("truth", true)
	m.PutInt("whole", -7)
	m.PutDouble("broken", 72.5)
	m.PutEmptyBytes("bytes").FromRaw([]byte{0, 255})
	m.PutEmpty("nothing")
	list := m.PutEmptySlice("list")
	list.AppendEmpty().SetStr("<a>")
	list.AppendEmpty().SetDouble(1e21)
	list.AppendEmpty()
	inner := m.PutEmptyMap("map")
	inner.PutInt("z", 1)
	inner.PutEmptyMap("a").PutBool("truth", false)
	m.PutEmptySlice("no list")
	m.PutEmptyMap("no map")
}
