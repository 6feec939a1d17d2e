package fill

import (
	"fmt"
	"time"

	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/parley"
)

// The shape of an organization that is read from.
const (
	staff      = 100 // users
	closedLine = 20  // channels that only some of the users see
	seen       = 100 // one conversation in so many is seen by the reader
	longOnes   = 50  // one conversation in so many of those that the reader sees is long
	tagCount   = 40
)

// reads makes an organization with a conversation for ten messages. Of a hundred conversations about thirty
// are between users and the others with contacts, through channels that are each seen by a few users; the
// first user takes part in one of two hundred, and sees a channel with another one of two hundred.
func (b *builder) reads(messages int) error {
	b.say("storing %d messages to be read", messages)
	b.clock.set(b.start)
	r := b.readable(messages)
	for _, step := range []func() error{r.people, r.threads, r.store} {
		if err := step(); err != nil {
			return err
		}
	}
	b.prepared.Reads = append(b.prepared.Reads, r.Reads)
	return nil
}

func (b *builder) readable(messages int) *readable {
	return &readable{builder: b, Reads: Reads{Messages: messages, Conversations: max(messages/10, seen)}}
}

type readable struct {
	*builder
	Reads
	t        *tenant
	users    []parley.User // the first is the reader
	channels []parley.Channel
	all      []thread
	long     []int // the long ones, of all
}

func (r *readable) people() (err error) {
	if r.t, err = r.tenant(fmt.Sprintf("Reading %d", r.Messages)); err != nil {
		return err
	}
	if r.users, err = r.addUsers(r.t, staff); err != nil {
		return err
	}
	closed := false
	for i := range closedLine {
		members := []parley.ID{r.users[1+4*i].ID, r.users[2+4*i].ID}
		if i == 0 {
			members = append(members, r.users[0].ID)
		}
		ch, err := r.channel(r.t, directory.ChannelParams{Name: fmt.Sprintf("Line %d", i+1), Open: &closed, Members: members})
		if err != nil {
			return err
		}
		r.channels = append(r.channels, ch)
	}
	if err := r.addContacts(r.t, r.Conversations); err != nil {
		return err
	}
	r.User, r.Channel = string(r.users[0].ID), string(r.channels[0].ID)
	for _, u := range r.users[1:11] {
		r.Colleagues = append(r.Colleagues, string(u.ID))
	}
	for i := range tagCount {
		r.Tags = append(r.Tags, fmt.Sprintf("tag-%d", i))
	}
	r.Key, err = r.personalKey(r.t, r.users[0].ID)
	return err
}

// threads makes the conversations; what kind each is goes by its number, so that kinds are evenly mixed.
func (r *readable) threads() error {
	list := make([]*parley.Conversation, r.Conversations)
	participants := make([][]parley.Participant, r.Conversations)
	r.all = make([]thread, r.Conversations)
	for i := range list {
		list[i], participants[i] = r.conversation(i)
		r.labels(i, list[i])
	}
	if err := r.conversations(r.t, list, func(i int) []parley.Participant { return participants[i] }); err != nil {
		return err
	}
	for i, c := range list {
		r.all[i].conversation = c.ID
		if visible(i) {
			r.Visible++
			r.Threads = append(r.Threads, string(c.ID))
			if len(r.Threads)%longOnes == 1 {
				r.long = append(r.long, i)
				r.Long = append(r.Long, string(c.ID))
			}
			if r.all[i].contact != nil && len(r.Contacts) < 100 {
				r.Contacts = append(r.Contacts, string(r.all[i].contact.ID))
			}
		}
	}
	return nil
}

// visible says whether the reader may see the i-th conversation: one in two hundred as a participant, another
// as a member of its channel.
func visible(i int) bool { return i%seen == 7 }

func (r *readable) conversation(i int) (*parley.Conversation, []parley.Participant) {
	mine, private := visible(i), i%10 < 3
	if mine {
		private = i/seen%2 == 0
	}
	th := &r.all[i]
	if private {
		for k := range 2 + i%4 {
			th.members = append(th.members, r.users[1+(i*7+k*13)%(staff-1)])
		}
		if mine {
			th.members[0] = r.users[0]
		}
		participants := make([]parley.Participant, len(th.members))
		for k, u := range th.members {
			participants[k] = member(u)
		}
		return &parley.Conversation{Kind: parley.ConversationGroup, Visibility: parley.VisibleToMembers, Inbox: true}, participants
	}
	th.contact, th.answers, th.channel = &r.t.contacts[i], true, &r.channels[0]
	if !mine {
		th.channel = &r.channels[1+i%(closedLine-1)]
	}
	return external(th.channel, th.contact), outside(th.contact)
}

// labels spreads statuses, tags and assignees over conversations, and tags and references over messages.
func (r *readable) labels(i int, c *parley.Conversation) {
	turn := i / seen // so that those of the reader have them all
	switch turn % 20 {
	case 1, 5, 9, 13, 17:
		c.Status = parley.StatusClosed
	case 3:
		c.Status = parley.StatusSnoozed
		c.SnoozedUntil = r.start.Add(2 * past)
	}
	c.Title = fmt.Sprintf("Case %d", i)
	c.Tags = []string{r.Tags[turn%tagCount]}
	if turn%2 == 0 {
		c.Assignees = []parley.Assignee{{Kind: parley.ActorUser, ID: r.users[turn/2%10].ID}}
	}
	r.all[i].label = func(k int) label {
		l := label{}
		if k%5 == 0 {
			l.reference = fmt.Sprintf("order-%d", i)
		}
		if k%10 == 0 {
			l.tags = []string{r.Tags[(turn+k)%tagCount]}
		}
		return l
	}
	if visible(i) {
		r.References = append(r.References, fmt.Sprintf("order-%d", i))
	}
}

// store stores the messages: one in a hundred goes to the long conversations, the others to any.
func (r *readable) store() error {
	r.From = r.start.UnixMilli()
	err := r.messages(r.Messages, func(i int) (*tenant, *thread) {
		if i < len(r.all) {
			return r.t, &r.all[i] // each has at least one
		}
		if len(r.long) > 0 && r.random.IntN(100) == 0 {
			return r.t, &r.all[r.long[r.random.IntN(len(r.long))]]
		}
		return r.t, &r.all[r.random.IntN(len(r.all))]
	})
	r.To = r.start.Add(past - time.Hour).UnixMilli()
	return err
}
