package core_test

import (
	"fmt"
	"testing"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/groups"
	"github.com/parley-server/parley/internal/parley"
)

func (w *ward) group(p *access.Principal, params groups.Params) parley.ID {
	w.T.Helper()
	g, _, err := w.Groups.Create(w.T.Context(), p, params, nil)
	w.Must(err)
	return g.ID
}

// TestGroup: members let others in and out, who are told of it and see what came in their time.
func TestGroup(t *testing.T) {
	w := &ward{World: coretest.New(t)}
	ctx := t.Context()
	u := w.Users(w.Admin, "Ana", "Bo", "Cy", "Dee")
	ana, bo, cy, dee := u[0], u[1], u[2], u[3]
	id := w.group(ana, groups.Params{Name: "Ward 3", Members: []parley.ID{bo.User}})
	w.Say(ana, core.To{Conversation: id}, "one")
	g, err := w.Groups.Add(ctx, bo, id, []parley.ID{cy.User, ana.User, cy.User})
	w.Must(err)
	if g.MemberCount != 3 || !g.Member {
		t.Errorf("%+v", g)
	}
	w.Say(ana, core.To{Conversation: id}, "two")
	w.want(cy, "Cy", "Bo: Bo added Cy.", "Ana: two")
	w.Must(w.Groups.Remove(ctx, ana, id, cy.User))
	w.Say(ana, core.To{Conversation: id}, "three")
	w.want(cy, "Cy", "Bo: Bo added Cy.", "Ana: two", "Ana: Ana removed Cy.")
	_, err = w.Groups.Get(ctx, cy, id)
	w.Refused(err, parley.KindNotFound, "not-found")
	w.Refused(w.Groups.Remove(ctx, ana, id, cy.User), parley.KindNotFound, "not-found")
	name := "Ward 4"
	_, err = w.Groups.Update(ctx, bo, id, groups.Patch{Name: &name}, g.Rev)
	w.Refused(err, parley.KindPrecondition, "revision-mismatch")
	g, err = w.Groups.Update(ctx, bo, id, groups.Patch{Name: &name}, 0)
	if w.Must(err); g.Name != name {
		t.Errorf("named %q", g.Name)
	}
	_, err = w.Groups.Add(ctx, ana, id, []parley.ID{cy.User})
	w.Must(err)
	w.Must(w.Groups.Leave(ctx, bo, id))
	w.want(cy, "Cy", "Bo: Bo added Cy.", "Ana: two", "Ana: Ana removed Cy.", "Ana: Ana added Cy.", "Bo: Bo left.")
	w.want(bo, "Bo", "Ana: one", "Bo: Bo added Cy.", "Ana: two", "Ana: Ana removed Cy.", "Ana: three", "Bo: Bo changed the group.", "Ana: Ana added Cy.", "Bo: Bo left.")

	for name, err := range map[string]error{
		"joined":  refusal(w.Groups.Join(ctx, dee, id)),
		"added":   refusal(w.Groups.Add(ctx, dee, id, []parley.ID{dee.User})),
		"removed": w.Groups.Remove(ctx, dee, id, ana.User),
		"left":    w.Groups.Leave(ctx, dee, id),
		"changed": refusal(w.Groups.Update(ctx, dee, id, groups.Patch{Name: &name}, 0)),
		"foreign": refusal(w.Groups.Get(ctx, w.Organization("Beta"), id)),
	} {
		if !parley.IsKind(err, parley.KindNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = w.Groups.Add(ctx, ana, id, []parley.ID{dee.User, "nobody"})
	w.Refused(err, parley.KindInvalid, "user-unknown")
}

func refusal[T any](_ T, err error) error { return err }

// TestForum: every user finds a forum and joins it, and sees what was said before where it replays.
func TestForum(t *testing.T) {
	for replay, want := range map[bool][]string{true: {"Ana: one", "Cy: Cy joined.", "Ana: two"}, false: {"Cy: Cy joined.", "Ana: two"}} {
		t.Run(fmt.Sprint(replay), func(t *testing.T) {
			w := &ward{World: coretest.New(t)}
			ctx := t.Context()
			u := w.Users(w.Admin, "Ana", "Bo", "Cy")
			ana, bo, cy := u[0], u[1], u[2]
			id := w.group(ana, groups.Params{Name: "All", GroupRules: parley.GroupRules{Forum: true, ReplayHistory: replay}})
			private := w.group(ana, groups.Params{Name: "Private"})
			w.Say(ana, core.To{Conversation: id}, "one")
			list := func(p *access.Principal, f groups.Filter) string {
				t.Helper()
				var names string
				found, _, err := w.Groups.List(ctx, p, f, "", 10)
				w.Must(err)
				for _, g := range found {
					names += g.Name + fmt.Sprint(g.MemberCount) + " "
				}
				return names
			}
			for _, c := range []struct {
				who  *access.Principal
				f    groups.Filter
				want string
			}{{ana, groups.Filter{}, "All1 Private1 "}, {cy, groups.Filter{}, "All1 "}, {cy, groups.Filter{Mine: true}, ""}, {w.Admin, groups.Filter{}, "All1 Private1 "},
				{ana, groups.Filter{Forum: true}, "All1 "}, {ana, groups.Filter{Forum: true, Mine: true}, "All1 "}} {
				if got := list(c.who, c.f); got != c.want {
					t.Errorf("%s finds %q, want %q by %+v", c.who.UserName, got, c.want, c.f)
				}
			}
			if _, err := w.Core.Conversation(ctx, cy, id); !parley.IsKind(err, parley.KindNotFound) {
				t.Errorf("Cy sees the conversation before joining: %v", err)
			}
			w.Refused(w.Groups.Remove(ctx, cy, id, ana.User), parley.KindForbidden, "not-a-member")
			g, err := w.Groups.Join(ctx, cy, id)
			w.Must(err)
			if again, err := w.Groups.Join(ctx, cy, id); err != nil || again.Rev != g.Rev {
				t.Errorf("joining again: %+v, %v", again, err)
			}
			w.Say(ana, core.To{Conversation: id}, "two")
			w.want(cy, "Cy", want...)
			_, err = w.Groups.Join(ctx, bo, private)
			w.Refused(err, parley.KindNotFound, "not-found")
		})
	}
}
