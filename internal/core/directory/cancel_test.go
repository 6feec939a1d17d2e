package directory_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/parley"
)

// TestCallersThatGiveUp: a caller whose context ends while its unit is at work gets an error, or what was
// written, and never something in between.
func TestCallersThatGiveUp(t *testing.T) {
	w := newWorld(t)
	ctx := background(t)
	contact := made[parley.Contact](t)(w.CreateContact(ctx, w.admin, directory.ContactParams{Name: "0"}, nil))
	user := w.users(t, 1)[0]
	team := made[parley.Team](t)(w.CreateTeam(ctx, w.admin, directory.TeamParams{Name: "T"}, nil))
	ch := w.newChannel(t, nil)
	calls := []func(context.Context, string) (string, error){
		func(ctx context.Context, name string) (string, error) {
			c, err := w.UpdateContact(ctx, w.admin, contact.ID, directory.ContactPatch{Name: &name}, 0)
			return c.Name, err
		},
		func(ctx context.Context, name string) (string, error) {
			u, err := w.UpdateUser(ctx, w.admin, user, directory.UserPatch{Name: &name}, 0)
			return u.Name, err
		},
		func(ctx context.Context, name string) (string, error) {
			tm, err := w.UpdateTeam(ctx, w.admin, team.ID, directory.TeamPatch{Name: &name}, 0)
			return tm.Name, err
		},
		func(ctx context.Context, name string) (string, error) {
			c, err := w.UpdateChannel(ctx, w.admin, ch.ID, directory.ChannelPatch{Name: &name}, 0)
			return c.Name, err
		},
		func(ctx context.Context, name string) (string, error) {
			o, err := w.UpdateOrganization(ctx, w.admin, directory.OrganizationPatch{Name: &name}, 0)
			return o.Name, err
		},
		func(ctx context.Context, name string) (string, error) {
			c, _, err := w.CreateContact(ctx, w.admin, directory.ContactParams{Name: name}, nil)
			return c.Name, err
		},
		func(ctx context.Context, name string) (string, error) {
			params := acme
			params.Name = name
			c, _, err := w.CreateChannel(ctx, w.admin, params, nil)
			return c.Name, err
		},
	}
	var wg sync.WaitGroup
	for i, call := range calls {
		wg.Go(func() {
			for n := range 40 {
				name := fmt.Sprint("name ", i, " ", n)
				short, cancel := context.WithTimeout(ctx, time.Duration(rand.IntN(1500))*time.Microsecond)
				got, err := call(short, name)
				cancel()
				if err == nil && got != name || err != nil && got != "" {
					t.Errorf("call %d: got %q, %v, want %q or an error alone", i, got, err, name)
				}
			}
		})
	}
	wg.Wait()
}
