package eventlog

import (
	"context"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
)

// At returns those of some events of the log, by their sequences, that are kept and that the principal may see, in order.
func (l *Log) At(ctx context.Context, p *access.Principal, sequences []int64, with Content) ([]Detail, error) {
	if err := p.Require(parley.ScopeEventsRead); err != nil {
		return nil, err
	}
	q := l.store.Read(ctx)
	events, err := q.EventsAt(p.Organization, sequences)
	if err != nil || len(events) == 0 {
		return nil, err
	}
	r := reader{q: q, p: p, f: &Filter{}, limit: len(events)}
	if err := r.take(events); err != nil {
		return nil, err
	}
	details, err := l.details(ctx, q, p.Organization, r.events, with)
	if err == nil {
		err = l.store.Settled(ctx)
	}
	for i := range details {
		details[i].Message = details[i].MessageFor(p)
	}
	return details, err
}
