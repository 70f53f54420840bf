// The tls provider of Pulumi: Terraform's, under Pulumi's bridge.
//
// Terraform's package is internal, hence this module's path below the upstream's.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/hashicorp/terraform-provider-tls/internal/provider"
	pf "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfgen"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag/colors"
)

// version is set by the linker; Pulumi warns when it is not the Python package's.
var version string

func main() {
	if err := serve(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(ctx context.Context) error {
	info := tfbridge.ProviderInfo{
		Name:         "tls",
		Version:      version,
		P:            pf.ShimProvider(provider.New()),
		MetadataInfo: tfbridge.NewProviderMetadata(nil),
	}
	if err := info.ComputeTokens(tokens.SingleModule("tls_", "index", tokens.MakeStandard("tls"))); err != nil {
		return err
	}
	// Standard output belongs to the engine, which reads the plugin's port there.
	sink := diag.DefaultSink(io.Discard, os.Stderr, diag.FormatOptions{Color: colors.Never})
	schema, err := tfgen.GenerateSchema(ctx, tfgen.GenerateSchemaOptions{
		ProviderInfo:    info,
		DiagnosticsSink: sink,
		XInMemoryDocs:   true, // or it looks for upstream's documentation, by way of `go mod download`
	})
	if err != nil {
		return err
	}
	pf.Main(ctx, "tls", info, schema.ProviderMetadata)
	return nil
}
