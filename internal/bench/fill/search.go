package fill

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/core/search"
	"github.com/parley-server/parley/internal/parley"
)

// Search is an organization whose messages have words of every frequency.
type Search struct {
	Messages int    `json:"messages"`
	Visible  int    `json:"visible"` // conversations, of Conversations, that the user may see
	Of       int    `json:"of"`
	Key      string `json:"key"`   // of the user
	Old      string `json:"old"`   // of one who may see only what was written first, one message in a hundred
	Whole    string `json:"whole"` // of one who may see everything
	// Words are some of each frequency: those that from as many messages as ten to the power of the place have, up to
	// ten times as many.
	Words   [][]string `json:"words"`
	Phrases []string   `json:"phrases"` // of two common words
	Tags    []string   `json:"tags"`
}

const (
	vocabulary   = 200_000
	wordsInText  = 30
	wordsOfEach  = 40
	archivedPart = 100 // one message in so many is of the old ones
	archives     = 20  // conversations of these
)

// search makes an organization like those that are read from, with texts of words as frequent as in a language: the n-th
// has about a part in n of those that the first has.
func (b *builder) search(messages int) error {
	b.say("storing %d messages to be searched", messages)
	b.clock.set(b.start)
	r := b.readable(messages)
	if err := r.people(); err != nil {
		return err
	}
	if err := r.threads(); err != nil {
		return err
	}
	keeper, old, err := r.archives()
	if err != nil {
		return err
	}
	made := newText(b.random)
	plain := b.text
	b.text = made.next
	err = r.messages(messages, func(i int) (*tenant, *thread) {
		if i < messages/archivedPart {
			return r.t, &old[i%len(old)]
		}
		return r.t, &r.all[r.random.IntN(len(r.all))]
	})
	if b.text = plain; err != nil {
		return err
	}
	s := &Search{Messages: messages, Visible: r.Visible, Of: r.Conversations, Key: r.Key, Whole: r.t.key.Token, Words: made.words(), Tags: r.Tags}
	common := slices.Concat(s.Words[max(0, len(s.Words)-2):]...)
	for range wordsOfEach {
		s.Phrases = append(s.Phrases, common[b.random.IntN(len(common))]+" "+common[b.random.IntN(len(common))])
	}
	if s.Old, err = r.personalKey(r.t, keeper.ID); err != nil {
		return err
	}
	b.prepared.Search = s
	b.say("indexing them")
	return search.NewIndexer(search.IndexerOptions{Store: b.store, Grace: 1}).CatchUp(b.ctx, r.t.principal.Organization)
}

// archives makes conversations that hold what was written first, and who keeps them.
func (r *readable) archives() (parley.User, []thread, error) {
	keepers := make([]parley.User, 2)
	for i := range keepers {
		var err error
		if keepers[i], _, err = r.directory.CreateUser(r.ctx, r.t.principal, directory.UserParams{Name: fmt.Sprintf("Keeper %d", i+1),
			Email: fmt.Sprintf("keeper%d@%s.example.org", i+1, r.t.principal.Organization)}, nil); err != nil {
			return parley.User{}, nil, err
		}
	}
	list, threads := make([]*parley.Conversation, archives), make([]thread, archives)
	for i := range list {
		list[i] = &parley.Conversation{Kind: parley.ConversationGroup, Visibility: parley.VisibleToMembers, Inbox: true}
	}
	participants := []parley.Participant{member(keepers[0]), member(keepers[1])}
	err := r.conversations(r.t, list, func(int) []parley.Participant { return participants })
	for i, c := range list {
		threads[i] = thread{conversation: c.ID, members: keepers}
	}
	return keepers[0], threads, err
}

// text makes texts.
type text struct {
	zipf  *rand.Zipf
	used  []int // how often each word was used
	names []string
}

func newText(random *rand.Rand) *text {
	t := &text{zipf: rand.NewZipf(random, 1.07, 2, vocabulary-1), used: make([]int, vocabulary), names: make([]string, vocabulary)}
	for i := range t.names {
		t.names[i] = name(i)
	}
	return t
}

// name is a word that is like no other.
func name(n int) string {
	const consonants, vowels = "bcdfghjklmnprstvwz", "aeiou"
	var b strings.Builder
	for n = n*7919%vocabulary + vocabulary; n > 0; n /= len(consonants) * len(vowels) {
		syllable := n % (len(consonants) * len(vowels))
		b.WriteByte(consonants[syllable/len(vowels)])
		b.WriteByte(vowels[syllable%len(vowels)])
	}
	return b.String()
}

func (t *text) next() string {
	var b strings.Builder
	seen := map[int]bool{}
	for i := range wordsInText {
		n := int(t.zipf.Uint64())
		if !seen[n] {
			seen[n] = true
			t.used[n]++
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(t.names[n])
	}
	return b.String()
}

// words are some of each frequency.
func (t *text) words() (groups [][]string) {
	for n, used := range t.used {
		if used == 0 {
			continue
		}
		power := 0
		for used >= 10 {
			used /= 10
			power++
		}
		for len(groups) <= power {
			groups = append(groups, nil)
		}
		if len(groups[power]) < wordsOfEach {
			groups[power] = append(groups[power], t.names[n])
		}
	}
	return groups
}
