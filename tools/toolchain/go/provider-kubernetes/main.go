// The Kubernetes provider of Pulumi, from its module.
//
// Upstream's own main embeds two files that only its Makefile makes; here they
// lie beside the binary, where `toolchain build` puts them.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
)

// version is set by the linker; Pulumi warns when it is not the Python package's.
var version string

func main() {
	provider.Serve("kubernetes", version, beside("schema.json"), beside("terraform-mapping.json"))
}

func beside(name string) []byte {
	self, err := os.Executable()
	if err == nil {
		var content []byte
		if content, err = os.ReadFile(filepath.Join(filepath.Dir(self), name)); err == nil {
			return content
		}
	}
	fmt.Fprintf(os.Stderr, "%v: run `toolchain build` again\n", err)
	os.Exit(1)
	return nil
}
