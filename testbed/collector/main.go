// SPDX-License-Identifier: GPL-3.0-or-later

// An OpenTelemetry collector of the public modules, with what the example of metrics needs: the receiver OTLP and the exporter Prometheus.
// collector send ENDPOINT: one metric over OTLP (gRPC), with the resource attributes of the gateway.
package main

import (
	"context"
	"log"
	"os"

	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/prometheusexporter"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/service/telemetry/otelconftelemetry"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
)

func factories() (otelcol.Factories, error) {
	receivers, err := otelcol.MakeFactoryMap[receiver.Factory](otlpreceiver.NewFactory())
	if err != nil {
		return otelcol.Factories{}, err
	}
	exporters, err := otelcol.MakeFactoryMap[exporter.Factory](prometheusexporter.NewFactory())
	return otelcol.Factories{Receivers: receivers, Exporters: exporters, Telemetry: otelconftelemetry.NewFactory()}, err
}

func collect() error {
	files := confmap.ResolverSettings{ProviderFactories: []confmap.ProviderFactory{fileprovider.NewFactory()}, DefaultScheme: "file"}
	return otelcol.NewCommand(otelcol.CollectorSettings{
		BuildInfo:              component.BuildInfo{Command: "collector", Version: "0.149.0"},
		Factories:              factories,
		ConfigProviderSettings: otelcol.ConfigProviderSettings{ResolverSettings: files},
	}).Execute()
}

func send(endpoint string) error {
	ctx := context.Background()
	exporter, err := otlpmetricgrpc.New(ctx, otlpmetricgrpc.WithEndpointURL(endpoint))
	if err != nil {
		return err
	}
	gateway := resource.NewSchemaless(attribute.String("service.name", "oceans-llm-gateway"), attribute.String("service.namespace", "oceans-llm"),
		attribute.String("service.version", "0.24.0"))
	provider := metric.NewMeterProvider(metric.WithReader(metric.NewPeriodicReader(exporter)), metric.WithResource(gateway))
	counter, err := provider.Meter("test").Int64Counter("sent")
	if err != nil {
		return err
	}
	counter.Add(ctx, 1)
	return provider.Shutdown(ctx)
}

func main() {
	run := collect
	if len(os.Args) == 3 && os.Args[1] == "send" {
		run = func() error { return send(os.Args[2]) }
	}
	if err := run(); err != nil {
		log.Fatal(err)
	}
}
