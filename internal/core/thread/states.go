package thread

import (
	"slices"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/relation"
)

// FillStates sets the state and counts of messages, all of one organization, with a constant number of queries:
//
//   - one that is scheduled or was canceled before its time, and one that is recorded, says so itself;
//   - inbound messages, notes and the system's items are delivered;
//   - one that went out has deliveries, which are counted;
//   - one between members is counted by the markers of those who receive it; one to a role is queued while nobody
//     is on duty;
//   - one to a broadcast list is queued while its copies are being added, and sent then. Its recipients are
//     counted by BroadcastState, where somebody asks for it alone.
func FillStates(q store.Queries, organization parley.ID, messages []*parley.Message) error {
	var out, between []*parley.Message
	for _, m := range messages {
		if state, ok := fixedState(m); ok {
			m.State, m.Counts = state, nil
		} else if m.Direction == parley.Outbound {
			out = append(out, m)
		} else {
			between = append(between, m)
		}
	}
	if err := countDeliveries(q, organization, out); err != nil {
		return err
	}
	if err := countMembers(q, organization, between); err != nil {
		return err
	}
	return countAcks(q, organization, out, between)
}

// countAcks counts who has acknowledged those messages that ask for it, and who has not.
func countAcks(q store.Queries, organization parley.ID, out, between []*parley.Message) error {
	asking := func(m *parley.Message) bool { return !m.RequestAck }
	out, between = slices.DeleteFunc(slices.Clone(out), asking), slices.DeleteFunc(slices.Clone(between), asking)
	if len(out)+len(between) == 0 {
		return nil
	}
	outside, err := relation.CountRecipients(q, organization, idsOf(out))
	if err != nil {
		return err
	}
	acks, err := relation.CountAcks(q, organization, idsOf(append(out, between...)))
	for _, m := range out {
		setAcks(m, outside[m.ID], acks[m.ID])
	}
	for _, m := range between {
		setAcks(m, sum(m.Counts), acks[m.ID])
	}
	return err
}

func setAcks(m *parley.Message, recipients, acknowledged int) {
	m.Acks = parley.Acks{Acknowledged: acknowledged, Pending: max(0, recipients-acknowledged)}
}

func sum(counts map[parley.DeliveryState]int) (n int) {
	for _, of := range counts {
		n += of
	}
	return n
}

// fixedState is the state of a message that nothing else has to be asked for.
func fixedState(m *parley.Message) (parley.MessageState, bool) {
	switch {
	case m.Sequence == 0 && m.RecordedState == parley.Canceled:
		return parley.Canceled, true
	case m.Sequence == 0:
		return parley.Scheduled, true
	case m.Recorded && m.RecordedState != "":
		return m.RecordedState, true
	case m.Direction == parley.Inbound || m.Kind != parley.KindMessage:
		return parley.Delivered, true
	}
	return "", false
}

func countDeliveries(q store.Queries, organization parley.ID, messages []*parley.Message) error {
	counts, err := q.DeliveryCounts(organization, idsOf(messages))
	if err != nil {
		return err
	}
	for _, m := range messages {
		setCounts(m, counts[m.ID], parley.Sent)
	}
	return nil
}

// setCounts sets counts and the state that they make; with none, the state is given.
func setCounts(m *parley.Message, counts map[parley.DeliveryState]int, none parley.MessageState) {
	m.Counts, m.State = counts, parley.Overall(counts)
	if m.State == "" {
		m.State = none
	}
}

func countMembers(q store.Queries, organization parley.ID, messages []*parley.Message) error {
	if len(messages) == 0 {
		return nil
	}
	members, err := q.MembersOf(organization, conversationsOf(messages))
	if err != nil {
		return err
	}
	var alone []*parley.Message
	for _, m := range messages {
		counts := memberCounts(m, members[m.Conversation])
		setCounts(m, counts, parley.Delivered)
		if len(counts) == 0 {
			alone = append(alone, m)
		}
	}
	return markAlone(q, organization, alone)
}

// memberCounts derives how many recipients of a message are in each state.
func memberCounts(m *parley.Message, members []store.Member) map[parley.DeliveryState]int {
	var counts map[parley.DeliveryState]int
	for i := range members {
		if !isRecipient(&members[i], m) {
			continue
		}
		if counts == nil {
			counts = map[parley.DeliveryState]int{}
		}
		counts[memberState(&members[i], m)]++
	}
	return counts
}

// isRecipient reports whether a member receives a message between members.
func isRecipient(member *store.Member, m *parley.Message) bool {
	return !wrote(member.User, m) && member.Receives(m.Sequence)
}

// wrote reports whether a user is the author of a message, or wrote it as another.
func wrote(user parley.ID, m *parley.Message) bool {
	return m.Author.ID == user || m.Actor.ID == user && !m.Recorded
}

// Recipients are the users who receive a message between members.
func Recipients(q store.Queries, organization parley.ID, m *parley.Message) ([]parley.ID, error) {
	members, err := q.MembersOf(organization, []parley.ID{m.Conversation})
	var ids []parley.ID
	for _, member := range members[m.Conversation] {
		if isRecipient(&member, m) {
			ids = append(ids, member.User)
		}
	}
	return ids, err
}

// Receiver is somebody who takes part now and receives a message between members.
type Receiver struct {
	User parley.ID
	Read bool
}

// Receiving are the users who take part now and receive messages between members, by message.
func Receiving(q store.Queries, organization parley.ID, messages []*parley.Message) (map[parley.ID][]Receiver, error) {
	members, err := q.MembersOf(organization, conversationsOf(messages))
	receiving := make(map[parley.ID][]Receiver, len(messages))
	for _, m := range messages {
		for _, member := range members[m.Conversation] {
			if member.LeftSequence == 0 && isRecipient(&member, m) {
				receiving[m.ID] = append(receiving[m.ID], Receiver{member.User, memberState(&member, m) == parley.Read})
			}
		}
	}
	return receiving, err
}

func memberState(member *store.Member, m *parley.Message) parley.DeliveryState {
	switch {
	case member.ReadThrough >= m.Sequence:
		return parley.Read
	case member.DeliveredThrough >= m.Sequence:
		return parley.Delivered
	}
	return parley.Sent
}

// markAlone sets the state of those messages without recipients of their own that were sent to a broadcast list, or to
// a role while nobody was on duty.
func markAlone(q store.Queries, organization parley.ID, messages []*parley.Message) error {
	if len(messages) == 0 {
		return nil
	}
	conversations := make([]parley.ID, len(messages))
	for i, m := range messages {
		conversations[i] = m.Conversation
	}
	known, err := q.Conversations(organization, conversations)
	if err != nil {
		return err
	}
	pending, err := q.FanningOut(organization, idsOf(messages))
	if err != nil {
		return err
	}
	for _, m := range messages {
		switch c := known[m.Conversation]; {
		case c != nil && c.Kind == parley.ConversationRole:
			m.State = parley.Queued
			continue
		case c == nil || c.Kind != parley.ConversationBroadcast:
			continue
		}
		m.State = parley.Sent
		if pending[m.ID] {
			m.State = parley.Queued
		}
	}
	return nil
}

// BroadcastState counts the recipients of a message to a broadcast list, once its copies have been added.
func BroadcastState(q store.Queries, organization parley.ID, m *parley.Message) error {
	counts, err := q.CopyCounts(organization, m.ID)
	if err != nil {
		return err
	}
	queued := m.State == parley.Queued
	setCounts(m, counts, m.State)
	if queued {
		m.State = parley.Queued
	}
	if m.RequestAck {
		acknowledged, err := relation.CountCopyAcks(q, organization, m.ID)
		setAcks(m, sum(counts), acknowledged)
		return err
	}
	return nil
}

func idsOf(messages []*parley.Message) []parley.ID {
	ids := make([]parley.ID, len(messages))
	for i, m := range messages {
		ids[i] = m.ID
	}
	return ids
}
