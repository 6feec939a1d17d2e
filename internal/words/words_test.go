package words

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func wordsOf(text string) string {
	var list []string
	for _, t := range Split(text) {
		list = append(list, t.Word)
	}
	return strings.Join(list, " ")
}

func TestSplit(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     "",
		"Hello, World!":                        "hello world",
		"Crème BRÛLÉE":                         "creme brulee",
		"Cre\u0300me":                          "creme",
		"Straße STRASSE":                       "strasse strasse",
		"Øre smørrebrød Łódź Ænima":            "ore smorrebrod lodz aenima",
		"İstanbul Iğdır":                       "istanbul igdir",
		"ΟΔΥΣΣΕΎΣ οδυσσεύς":                    "οδυσσευσ οδυσσευσ",
		"Ёлка елка":                            "елка елка",
		"שָׁלוֹם":                              "שלום",
		"Ｆｕｌｌ　ｗｉｄｔｈ １２":                        "full width 12",
		"ﬁne ①":                                "fine 1",
		"東京都":                                  "東京 京都 都",
		"都":                                    "都",
		"東京 tower東":                            "東京 京 tower 東",
		"ガ か\u3099":                            "ガ が",
		"한국어 한국":                               "한국 국어 어 한국 국",
		"\u1112\u1161\u11ab\u1100\u116e\u11a8": "한국 국",
		"हिन्दी":                               "हिन्दी",
		"ana.b+x@example.org":                  "ana b x example org",
		"INV-2024/0042":                        "inv 2024 0042",
		"don’t":                                "don t",
		"soft\u00adhyphen zero\u200bwide":      "softhyphen zerowide",
		"ok👍🏽done":                             "ok 👍 done",
		"\xff\xfe a\xffb":                      "ab",
		strings.Repeat("x", 60):                strings.Repeat("x", MaxLength),
	} {
		if got := wordsOf(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if n := len(Split(strings.Repeat("a ", 2*MaxWords))); n != MaxWords {
		t.Errorf("%d words of a long text", n)
	}
}

func TestMatches(t *testing.T) {
	const text = `Dear Ana-María, your appointment (INV-2024-0042) is on 東京都. Call +31 (6) 1234-5678 or mail ana.b@example.org`
	for query, want := range map[string]bool{
		"":                        true,
		"!!! ...":                 false,
		"ana":                     true,
		"maria ANA":               true,
		"ana-mar":                 true,
		"maria-ana":               false,
		"appoint":                 true,
		"appoint ana":             false,
		`"your appointment"`:      true,
		`"appointment your"`:      false,
		`"your appoint"`:          false,
		`"your appoint`:           true,
		"ana -maria":              false,
		"ana -mario":              true,
		"-mario":                  true,
		`ana -"your dentist"`:     true,
		`ana -"your appointment"`: false,
		"ana - maria":             true,
		"--maria":                 true,
		"inv-2024-0042":           true,
		"INV 2024":                true,
		"inv-0042":                false,
		"0612345678":              true,
		"+31612345678":            true,
		"+31 6 12345678":          true,
		"06 1234 5678 ana":        true,
		"(06) 1234-5678":          true,
		"0612345679":              false,
		"-0612345678 ana":         false,
		"ana.b@example.org":       true,
		"ana.b@exam":              true,
		"ana.c@example.org":       false,
		"東京":                      true,
		"京都":                      true,
		"東京都":                     true,
		"東都":                      false,
		"京":                       true,
		"都":                       true,
		"道":                       false,
		"-京 ana":                  false,
		"“your appointment”":      true,
		"a":                       false,
		`"`:                       false,
		`""`:                      false,
		`-"`:                      false,
		`ana "`:                   true,
	} {
		q := Parse(query)
		if got := q.Matches([]Text{Read(text)}); got != want {
			t.Errorf("%q: %v (%+v)", query, got, q)
		}
	}
	q := Parse("one two")
	if !q.Matches([]Text{Read("one"), Read("two")}) {
		t.Error("each word may be in another text")
	}
	if q := Parse(`"one two"`); q.Matches([]Text{Read("one"), Read("two")}) {
		t.Error("a phrase is in one text")
	}
}

func show(list []Fragment) string {
	var b strings.Builder
	for _, f := range list {
		if f.Match {
			fmt.Fprintf(&b, "[%s]", f.Text)
		} else {
			b.WriteString(f.Text)
		}
	}
	return b.String()
}

func TestSnippet(t *testing.T) {
	long := strings.Repeat("filler words ", 50) + "the Crème brûlée is here, crème " + strings.Repeat("more of it ", 50)
	for _, c := range []struct{ query, text, want string }{
		{"creme", "A Crème here", "A [Crème] here"},
		{"creme", "nothing", ""},
		{"-creme here", "here", "[here]"},
		{"cre", "Crème", "[Crème]"},
		{`"a b"`, "x a, b y", "x [a, b] y"},
		{"東京都", "今日は東京都へ", "今日は[東京都]へ"},
		{"0612345678", "call +31 6 12345678 now", "call +[31 6 12345678] now"},
		{"brulee creme", long, "…words filler words filler words filler words the [Crème] [brûlée] is here, [crème] " + strings.TrimSpace(strings.Repeat("more of it ", 12)) + " more of…"},
	} {
		q := Parse(c.query)
		got := show(q.Snippet(Read(c.text)))
		if len(c.text) > 200 {
			if !strings.Contains(got, "the [Crème] [brûlée] is here, [crème]") || len(got) > 300 || !strings.HasPrefix(got, "…") || !strings.HasSuffix(got, "…") {
				t.Errorf("%q: %q", c.query, got)
			}
			continue
		}
		if got != c.want {
			t.Errorf("%q in %q: %q, want %q", c.query, c.text, got, c.want)
		}
	}
	if got := show(Beginning(strings.Repeat("word ", 100))); len(got) > 250 || !strings.HasSuffix(got, "word…") {
		t.Errorf("the beginning is %q", got)
	}
}

func TestPlain(t *testing.T) {
	for markup, want := range map[string]string{
		"<p>Hello <b>W</b>orld</p><p>again</p>":              "Hello World again",
		"a<br>b&amp;c &lt;d&gt;":                             "a b&c <d>",
		"<style>p {}</style>x<script>if (a < b) {}</script>": "x",
		"<a title='a > b' href=x>y</a>":                      "y",
		"1 < 2 and 3":                                        "1 < 2 and 3",
		"<!-- no -->yes<!-- never":                           "yes",
		"x <p title=\"open":                                  "x",
	} {
		if got := Plain(markup); got != want {
			t.Errorf("%q: %q, want %q", markup, got, want)
		}
	}
}

// FuzzQuery: no text and no query is trouble; what matches is found by the words that the query says it needs, and not
// among those that it says nothing has; and what is shown is in the text.
func FuzzQuery(f *testing.F) {
	for _, seed := range [][2]string{{"Crème brûlée 東京都", `creme -"x y" 東 "br`}, {"+31 (6) 1234-5678", "0612345678"}, {"\xff한국어\u0301", "\xff국"},
		{"a\u0300\u0300 ß ① ﬁ", `"ss 1`}, {"<p>x", "-x"}, {"ana.b@example.org", "ana.b@ex"}, {"東a京", "京"}, {"12345678 90", `"12345678" 90`}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, text, query string) {
		read := Read(text)
		index := map[string]struct{}{}
		read.Index(index)
		place, end := -1, 0
		for _, token := range read.tokens {
			if token.Start < 0 || token.End > len(text) || token.Start >= token.End || token.Place != place+1 || token.End < end ||
				token.Word == "" || utf8.RuneCountInString(token.Word) > MaxLength || !utf8.ValidString(token.Word) || strings.ContainsAny(token.Word, " #:\x00") {
				t.Fatalf("%q: %+v", text, token)
			}
			place, end = token.Place, token.End
		}
		for _, asked := range []string{query, `"` + text + `"`, text, query + " " + text} {
			q := Parse(asked)
			if q.Matches([]Text{read}) {
				needed(t, &q, index, asked, text)
			}
			shown := q.Snippet(read)
			for _, piece := range shown {
				if bare := strings.Trim(piece.Text, "…"); !strings.Contains(text, bare) && !strings.Contains(text, strings.TrimSpace(bare)) {
					t.Fatalf("%q is not in %q", piece.Text, text)
				}
			}
		}
		if len(read.tokens) > 0 && strings.IndexFunc(text, func(r rune) bool { return straight(r) == '"' }) < 0 {
			if q := Parse(`"` + strings.Map(straight, strings.ToValidUTF8(text, " ")) + `"`); !q.Matches([]Text{Read(strings.Map(straight, strings.ToValidUTF8(text, " ")))}) {
				t.Fatalf("%q is not found by itself: %+v", text, q)
			}
		}
		Plain(text)
		Beginning(text)
	})
}

func needed(t *testing.T, q *Query, index map[string]struct{}, asked, text string) {
	for _, need := range q.Needs() {
		_, ok := index[""]
		for word := range index {
			ok = ok || slices.Contains(need.Words, word) || need.Prefix != "" && strings.HasPrefix(word, need.Prefix)
		}
		if !ok {
			t.Fatalf("%q matches %q, which does not have %+v", asked, text, need)
		}
	}
	for _, word := range q.Without() {
		if _, ok := index[word]; ok {
			t.Fatalf("%q matches %q, which has %q", asked, text, word)
		}
	}
}
