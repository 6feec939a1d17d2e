package delivery

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/parley-server/parley/internal/connector"
)

// backoff is how long a delivery waits after each failed call: 24 hours in all. After the last it has failed.
var backoff = [...]time.Duration{
	2 * time.Second, 10 * time.Second, 30 * time.Second,
	2 * time.Minute, 10 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 4 * time.Hour, 4 * time.Hour, 6 * time.Hour, 6 * time.Hour,
}

// jitter is the part of a wait by which it may be shorter or longer, so that what failed together is not
// repeated together.
const jitter = 0.1

// wait returns how long to wait after the n-th call failed, and false when it was the last.
func wait(n int) (time.Duration, bool) {
	if n < 1 || n > len(backoff) {
		return 0, false
	}
	return time.Duration(float64(backoff[n-1]) * (1 - jitter + 2*jitter*rand.Float64())), true
}

func textOf(err error) string {
	if lost, ok := errors.AsType[*connector.LostError](err); ok {
		return lost.Text
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return "the call was given up before it was answered"
	}
	return "the connector failed in a way that says nothing of the message"
}
