package parley

import (
	"slices"
	"sort"
	"strconv"
	"time"
)

// HistoryEntry is what became of a conversation at one time, by whom. It holds ids and facts: of what people write on a
// conversation, such as its title, it says that it changed, not what it was.
type HistoryEntry struct {
	ID           ID
	Conversation ID
	At           time.Time
	Sequence     int64  // the newest item then
	Actor        Actor  // who did it
	Reason       string // of what nobody did by hand
	Changes      []Difference
}

// Difference is one thing about a conversation that changed. The texts say from what to what; none does where they are content.
type Difference struct {
	Field string   `json:"f"`
	From  []string `json:"a,omitempty"`
	To    []string `json:"b,omitempty"`
}

// Ref names a participant among the facts of a change: its kind and id. A bare address is only called that.
func (p *Participant) Ref() string {
	if p.ID == "" {
		return string(p.Kind)
	}
	return string(p.Kind) + ":" + string(p.ID)
}

// The reasons of changes that nobody makes by hand.
const (
	ReasonWoke    = "woke"    // its snooze ended
	ReasonReplied = "replied" // somebody outside wrote
	ReasonWritten = "written" // somebody wrote into it

	ReasonEscalation = "escalation-ended" // it was that of an escalation
)

// Differences are what differs between a conversation before and after.
func Differences(before, after *Conversation) []Difference {
	var list []Difference
	add := func(field string, from, to []string) {
		if !slices.Equal(from, to) {
			list = append(list, Difference{field, from, to})
		}
	}
	hidden := func(field string, changed bool) {
		if changed {
			list = append(list, Difference{Field: field})
		}
	}
	add("status", one(string(before.Status)), one(string(after.Status)))
	add("snoozedUntil", stampOf(before.SnoozedUntil), stampOf(after.SnoozedUntil))
	hidden("title", before.Title != after.Title)
	hidden("description", before.Description != after.Description)
	add("avatar", one(string(before.Avatar)), one(string(after.Avatar)))
	add("channel", one(string(before.Channel)), one(string(after.Channel)))
	add("assignees", named(before.Assignees), named(after.Assignees))
	add("tags", before.Tags, after.Tags)
	add("externalId", one(before.ExternalID), one(after.ExternalID))
	add("priority", ranked(before.Priority), ranked(after.Priority))
	for _, of := range []struct {
		name          string
		before, after map[string]string
	}{{"attributes", before.Attributes, after.Attributes}, {"metadata", before.Metadata, after.Metadata}} {
		for _, key := range differing(of.before, of.after) {
			hidden(of.name+"."+key, true)
		}
	}
	return list
}

func one(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}

func stampOf(t time.Time) []string {
	if t.IsZero() {
		return nil
	}
	return []string{t.UTC().Format("2006-01-02T15:04:05.000Z")}
}

func named(assignees []Assignee) (list []string) {
	for _, a := range assignees {
		list = append(list, string(a.Kind)+":"+string(a.ID))
	}
	return list
}

func ranked(priority int) []string {
	if priority == 0 {
		return nil
	}
	return []string{strconv.Itoa(priority)}
}

// differing are the keys that two maps do not have alike, in order.
func differing(a, b map[string]string) (keys []string) {
	for key, value := range a {
		if other, has := b[key]; !has || other != value {
			keys = append(keys, key)
		}
	}
	for key := range b {
		if _, has := a[key]; !has {
			keys = append(keys, key)
		}
	}
	sort.Strings(keys)
	return keys
}
