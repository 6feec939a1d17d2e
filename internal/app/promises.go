//go:build !sabotage

package app

import "github.com/parley-server/parley/internal/store"

// sabotaged does nothing: this program keeps its promises.
func sabotaged(*store.Options) {}
