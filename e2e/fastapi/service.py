"""A service whose calls are traced by OpenTelemetry's own packages, and by nothing of ours.

    python service.py PORT TARGET

It answers `/io_task`, as a service of the demo does, and asks the `/chain` of TARGET for that. The rest is told by
OTEL_* variables.
"""

import signal
import sys

import httpx
import uvicorn
from fastapi import FastAPI
from opentelemetry import baggage, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

# The member of the baggage that becomes an attribute, as in every service of the demo.
TIER = "app.customer.tier"

port, target = sys.argv[1:]
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)

app = FastAPI()
FastAPIInstrumentor.instrument_app(app, excluded_urls="healthz")
HTTPXClientInstrumentor().instrument()


@app.get("/healthz")
async def healthz():
    return {"status": "ok"}


@app.get("/io_task")
async def io_task():
    trace.get_current_span().set_attribute(TIER, str(baggage.get_baggage(TIER)))
    # No proxy of the environment.
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        answer = await client.get(f"{target}/chain")
    answer.raise_for_status()
    milliseconds = round(answer.elapsed.total_seconds() * 1000)
    return {"service": "app-py", "milliseconds": milliseconds}


# The server ends by the signal's handler of before: this one's end is the interpreter's, and sends the last spans.
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
uvicorn.run(app, port=int(port))
