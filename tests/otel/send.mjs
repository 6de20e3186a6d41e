// Records some measurements with OpenTelemetry's SDK and exports them twice.
// Usage: node send.mjs proto|json cumulative|delta SERVICE URL
import { OTLPMetricExporter as JsonExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPMetricExporter as ProtoExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  AggregationTemporality, AggregationType, MeterProvider, PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";

const [protocol, temporality, service, url] = process.argv.slice(2);
const Exporter = protocol === "proto" ? ProtoExporter : JsonExporter;
const exporter = new Exporter({
  url,
  temporalityPreference: temporality === "delta" ? AggregationTemporality.DELTA
    : AggregationTemporality.CUMULATIVE,
});
const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3600000 });
const provider = new MeterProvider({
  readers: [reader],
  resource: resourceFromAttributes({
    "service.name": service, "service.namespace": "desk", "service.instance.id": "one",
    "host.name": "h1",
  }),
  views: [
    { instrumentName: "latency",
      aggregation: { type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM,
                     options: { boundaries: [0.1, 1] } } },
    { instrumentName: "sizes", aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } },
  ],
});
const meter = provider.getMeter("send");
const orders = meter.createCounter("orders");
const open = meter.createUpDownCounter("open.orders");
const price = meter.createGauge("price");
const latency = meter.createHistogram("latency", { unit: "s" });
const sizes = meter.createHistogram("sizes");

orders.add(5, { venue: "XLON" });
open.add(4);
price.record(99);
latency.record(0.0625);
latency.record(0.5);
sizes.record(1);
sizes.record(2);
await provider.forceFlush();
await new Promise((resolve) => setTimeout(resolve, 20));
orders.add(2, { venue: "XLON" });
open.add(-1);
price.record(101.25);
latency.record(0.0625);
sizes.record(4);
sizes.record(8);
await provider.forceFlush();
await provider.shutdown();
