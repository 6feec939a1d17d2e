package availability

import (
	"slices"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/availability"
	"github.com/parley-server/parley/internal/store/duty"
)

// maxHops is how often a message is forwarded.
const maxHops = 10

// Away is a user who does not want to be disturbed.
type Away struct {
	User parley.Actor
	parley.DoNotDisturb
}

// Look returns a user who is away now, or nil.
func Look(tx *store.Tx, organization parley.ID, user parley.Actor) (*Away, error) {
	d, err := availability.Get(tx.Queries, organization, user.ID, tx.Now)
	if err != nil || d == nil {
		return nil, err
	}
	return &Away{user, *d}, nil
}

// Hop is a place that a message is forwarded to.
type Hop struct {
	User       *parley.User // or
	Role       *parley.Role
	OnBehalfOf []parley.Actor // to whom it was written, and by whom it was forwarded further
}

// Actor is who is there.
func (h *Hop) Actor() parley.Actor {
	if h.Role != nil {
		return parley.Actor{Kind: parley.ActorRole, ID: h.Role.ID, Name: h.Role.Name}
	}
	return parley.Actor{Kind: parley.ActorUser, ID: h.User.ID, Name: h.User.Name}
}

// Course is where a message goes that was written to somebody who is away.
type Course struct {
	Hops  []Hop
	Ended string // why it goes no further, though the last one forwards it; empty: that one does not
}

// Follow finds where a message goes from somebody who is away: to whom that one forwards, and further while whoever it comes to
// is away too. It comes to everybody once, and never back to who wrote it.
func Follow(tx *store.Tx, organization, author parley.ID, away *Away) (course Course, err error) {
	behalf := []parley.Actor{away.User}
	for away != nil && away.ForwardTo.ID != "" {
		id := away.ForwardTo.ID
		switch {
		case id == author:
			course.Ended = parley.ForwardSender
		case slices.ContainsFunc(behalf, func(a parley.Actor) bool { return a.ID == id }):
			course.Ended = parley.ForwardCycle
		case len(course.Hops) == maxHops:
			course.Ended = parley.ForwardTooLong
		}
		if course.Ended != "" {
			return course, nil
		}
		hop := Hop{OnBehalfOf: slices.Clone(behalf)}
		if away.ForwardTo.Kind == parley.ActorRole {
			course.Ended, err = hop.toRole(tx, organization, id, author)
		} else {
			course.Ended, err = hop.toUser(tx, organization, id)
		}
		if err != nil || course.Ended != "" {
			return course, err
		}
		course.Hops = append(course.Hops, hop)
		if hop.User == nil { // who is on duty answers for the role
			return course, nil
		}
		behalf = append(behalf, hop.Actor())
		if away, err = Look(tx, organization, hop.Actor()); err != nil {
			return course, err
		}
	}
	return course, nil
}

func (h *Hop) toUser(tx *store.Tx, organization, id parley.ID) (ended string, err error) {
	u, err := tx.User(organization, id)
	if parley.IsKind(err, parley.KindNotFound) || err == nil && !u.Active {
		return parley.ForwardDeactivated, nil
	}
	h.User = &u
	return "", err
}

func (h *Hop) toRole(tx *store.Tx, organization, id, author parley.ID) (ended string, err error) {
	r, err := duty.Get(tx.Queries, organization, id)
	switch {
	case parley.IsKind(err, parley.KindNotFound):
		return parley.ForwardDeactivated, nil
	case err == nil && r.OwnerRequired && !slices.ContainsFunc(r.OnDuty, func(user parley.ID) bool { return user != author }):
		return parley.ForwardUnattended, nil
	}
	h.Role = &r
	return "", err
}

// ended says for people why a message goes no further.
var ended = map[string]string{
	parley.ForwardCycle:       "It goes no further, as it would come back to somebody who has it.",
	parley.ForwardDeactivated: "It goes no further, as who would be next is no longer there.",
	parley.ForwardSender:      "It goes no further, as it would come back to you.",
	parley.ForwardUnattended:  "It goes no further, as nobody is on duty for the role that would be next.",
	parley.ForwardTooLong:     "It goes no further, as it has been forwarded too often.",
}

// Notice returns what who wrote is told: the text of who is away, who has the message instead, and why nobody else. It is nil
// where that has been told in the conversation since the user is away.
func (c *Course) Notice(tx *store.Tx, organization, conversation parley.ID, away *Away) (*parley.Notice, string, error) {
	notice := &parley.Notice{Kind: parley.NoticeAway, Reason: c.Ended}
	text, told := away.Text, away.Since.String()
	if text == "" {
		text = "Please do not disturb."
	}
	for i := range c.Hops {
		who := c.Hops[i].Actor()
		notice.Who = append(notice.Who, who)
		told += " " + string(who.ID)
		text += "\nForwarded to " + who.Name + "."
	}
	if c.Ended != "" {
		text += "\n" + ended[c.Ended]
	}
	news, err := availability.Tell(tx, organization, conversation, away.User.ID, told+" "+c.Ended)
	if err != nil || !news {
		return nil, "", err
	}
	return notice, text, nil
}
