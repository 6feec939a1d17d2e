//go:build sabotage

package app

import (
	"os"

	"github.com/parley-server/parley/internal/store"
)

// sabotaged breaks the promise that PARLEY_SABOTAGE names, so that a proof can be seen to fail. No program
// that is released is built with it.
func sabotaged(o *store.Options) { o.Sabotage = store.Sabotage(os.Getenv("PARLEY_SABOTAGE")) }
