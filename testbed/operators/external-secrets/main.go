// The External Secrets Operator (controller, webhook and certificate controller in one program), built from its
// module: cmd/controller registers every provider itself.
package main

import "github.com/external-secrets/external-secrets/cmd/controller"

func main() { controller.Execute() }
