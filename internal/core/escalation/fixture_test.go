package escalation_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/core/escalation"
	"github.com/parley-server/parley/internal/parley"
)

// ward is a world with a role, nurse, for which ben is on duty, and another, doctor, for which dora is. Ana asks.
type ward struct {
	*coretest.World
	ana, ben, cleo, dora *access.Principal
	nurse, doctor        parley.ID
	policy               parley.EscalationPolicy
}

func newWard(t *testing.T) *ward {
	t.Helper()
	w := &ward{World: coretest.New(t)}
	u := w.Users(w.Admin, "Ana", "Ben", "Cleo", "Dora")
	w.ana, w.ben, w.cleo, w.dora = u[0], u[1], u[2], u[3]
	w.nurse, w.doctor = w.role("Nurse", w.ben, w.cleo, w.dora, w.ana), w.role("Doctor", w.dora, w.ben, w.cleo)
	w.in(w.nurse, w.ben)
	w.in(w.doctor, w.dora)
	return w
}

func (w *ward) role(name string, members ...*access.Principal) parley.ID {
	w.T.Helper()
	params := directory.RoleParams{Name: name}
	for _, m := range members {
		params.Members = append(params.Members, m.User)
	}
	r, _, err := w.Directory.CreateRole(w.T.Context(), w.Admin, params, nil)
	w.Must(err)
	return r.ID
}

func (w *ward) in(role parley.ID, p *access.Principal) {
	w.T.Helper()
	_, err := w.Directory.ComeOnDuty(w.T.Context(), p, role, "")
	w.Must(err)
}

func (w *ward) out(role parley.ID, p *access.Principal) {
	w.T.Helper()
	_, err := w.Directory.GoOffDuty(w.T.Context(), p, role, "", "")
	w.Must(err)
}

func user(p *access.Principal) parley.Actor {
	return parley.Actor{Kind: parley.ActorUser, ID: p.User}
}
func role(id parley.ID) parley.Actor { return parley.Actor{Kind: parley.ActorRole, ID: id} }

func step(after time.Duration, targets ...parley.Actor) parley.EscalationStep {
	return parley.EscalationStep{Targets: targets, After: after}
}

// escalates gives nurse a policy: five minutes, then the steps; its groups live for an hour.
func (w *ward) escalates(always bool, steps ...parley.EscalationStep) {
	w.T.Helper()
	var err error
	w.policy, _, err = w.Escalations.CreatePolicy(w.T.Context(), w.Admin, parley.EscalationPolicy{Name: "Fast", Role: w.nurse, Always: always, After: 5 * time.Minute,
		Steps: steps, GroupLife: time.Hour}, nil)
	w.Must(err)
}

// ask writes to nurse.
func (w *ward) ask(p *access.Principal, text string, escalate bool) parley.Message {
	w.T.Helper()
	return w.Send(p, core.SendParams{To: core.To{Role: w.nurse}, Body: coretest.Text(text), Escalate: escalate})
}

// of is the newest escalation of a message, as the organization sees it.
func (w *ward) of(m parley.Message) parley.Escalation {
	w.T.Helper()
	list, _, err := w.Escalations.List(w.T.Context(), w.Admin, escalation.Filter{Message: m.ID}, "", 1)
	w.Must(err)
	if len(list) != 1 {
		w.T.Fatalf("the message has %d escalations", len(list))
	}
	return list[0]
}

// pass lets time pass, and does what is due then.
func (w *ward) pass(d time.Duration) {
	w.T.Helper()
	w.Advance(d)
	w.turn()
}

func (w *ward) turn() {
	w.T.Helper()
	for n := 1; n > 0; {
		var err error
		n, err = w.Escalations.Turn(w.T.Context(), 100)
		w.Must(err)
	}
}

// want checks where an escalation stands.
func (w *ward) want(m parley.Message, state parley.EscalationState, level int) parley.Escalation {
	w.T.Helper()
	e := w.of(m)
	if e.State != state || e.Level != level || (e.State == parley.EscalationActive) != e.EndedAt.IsZero() || e.DueAt.IsZero() == e.EndedAt.IsZero() {
		w.T.Errorf("it is %s at level %d, due %s, ended %s; want %s at level %d", e.State, e.Level, e.DueAt, e.EndedAt, state, level)
	}
	return e
}

// reads checks what somebody reads in a conversation, oldest first: who wrote, what, and which notice it is. CODE stands for the
// code of an escalation. Nothing: it is not there.
func (w *ward) reads(p *access.Principal, conversation parley.ID, e *parley.Escalation, want ...string) {
	w.T.Helper()
	messages, _, err := w.Core.Thread(w.T.Context(), p, conversation, "", 100)
	if parley.IsKind(err, parley.KindNotFound) {
		messages, err = nil, nil
	}
	w.Must(err)
	var got []string
	for _, m := range slices.Backward(messages) {
		text := "gone"
		if m.Removed == "" {
			text = strings.ReplaceAll(m.Body[0].Text, e.Code, "CODE")
		}
		line := m.Author.Name + ": " + text
		if n := m.Notice; n != nil {
			if n.Escalation != e.ID && n.Escalation != "" {
				w.T.Errorf("a notice of %s", n.Escalation)
			}
			line += fmt.Sprintf(" (%s %d %s)", strings.TrimPrefix(string(n.Kind), "escalation-"), n.Level, n.Reason)
		}
		got = append(got, line)
	}
	if !slices.Equal(got, want) {
		w.T.Errorf("%s reads\n%s\nwant\n%s", p.UserName, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// members are the names of who takes part in a conversation now, in order.
func (w *ward) members(conversation parley.ID) string {
	w.T.Helper()
	c, err := w.Conversation(w.T.Context(), w.Admin, conversation)
	w.Must(err)
	var names []string
	for _, p := range c.Participants {
		if p.LeftSequence == 0 {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// member is somebody with the permissions of a member only.
func (w *ward) member(p *access.Principal) *access.Principal {
	w.T.Helper()
	_, err := access.NewKeys(w.Store, w.Auth).Permit(w.T.Context(), w.Admin, p.User, []parley.ID{"member"})
	w.Must(err)
	q := w.Store.Read(w.T.Context())
	u, err := q.User(p.Organization, p.User)
	w.Must(err)
	limited, err := access.Acting(q, p.Organization, u)
	w.Must(err)
	return limited
}
