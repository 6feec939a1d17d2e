package template

import (
	"strings"
	"testing"

	"github.com/parley-server/parley/internal/parley"
)

func TestParse(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""}, {"plain } { }}", "plain } { }}"}, {"Dear {{name}}, {{ day }}!", "Dear <name>, <day>!"}, {"{{a}}{{b.c_1}}", "<a><b.c_1>"},
		{"{{{{a}}", "{{a}}"}, {"{{{{{{a}}", "{{<a>"}, {"x {{a} y", "!"}, {"{{}}", "!"}, {"{{a b}}", "!"}, {"{{1}}", "!"}, {"{{.Name}}", "!"}, {"{{call .f}}", "!"},
		{"{{a|html}}", "!"}, {"{{" + strings.Repeat("a", 101) + "}}", "!"}, {"{{a\x00}}", "!"}, {"a {{", "!"}, {"{{a\n}}", "<a>"},
	} {
		pieces, err := parse(c.text)
		var got strings.Builder
		for _, p := range pieces {
			if got.WriteString(p.text); p.variable != "" {
				got.WriteString("<" + p.variable + ">")
			}
		}
		if (err != nil) != (c.want == "!") || err == nil && got.String() != c.want {
			t.Errorf("%q: %q, %v; want %q", c.text, got.String(), err, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"{{a}}", "{{{{", "x{{ b }}y}}", "{{{", "}}{{"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		pieces, err := parse(text)
		if err != nil {
			return
		}
		body, wrong := render([]parley.Part{{Kind: parley.PartText, Text: text}}, func(string) string { return "{{x}}" })
		if len(wrong) > 0 {
			return
		}
		var want strings.Builder
		for _, p := range pieces {
			if want.WriteString(p.text); p.variable != "" {
				want.WriteString("{{x}}") // a value is not looked into
			}
		}
		if body[0].Text != want.String() {
			t.Errorf("%q: %q, want %q", text, body[0].Text, want.String())
		}
	})
}

// Where a value stands in HTML decides whether it can be anything else than text.
func TestMisplaced(t *testing.T) {
	for _, c := range []struct {
		html string
		ok   bool
	}{
		{"<p>Dear {{v}}</p>", true}, {"{{v}}", true}, {"a < b {{v}}", false}, {"<p class='{{v}}'>", true}, {`<a title="x {{v}}" href="https://example.org/{{v}}">`, true},
		{`<a href="{{url}}">`, true}, {`<a href="{{v}}">`, false}, {`<a href=" {{v}}">`, false}, {`<a href = "{{v}}">`, false}, {`<A HREF='{{v}}'>`, false},
		{`<img src="{{v}}">`, false}, {`<svg><a xlink:href="{{v}}"/>`, false}, {"<p class={{v}}>", false}, {"<p {{v}}>", false}, {"<{{v}}>", false},
		{`<p onclick="{{v}}">`, false}, {`<p style="color: {{v}}">`, false}, {"<script>var x = '{{v}}'</script>", false}, {"<style>{{v}}</style>", false},
		{"<script>x</script>{{v}}", true}, {"<SCRIPT>'</script >{{v}}", true}, {"<script>a</scripts>{{v}}", false}, {"<script>a</script>{{v}}", true}, {"<script>a</script\n>{{v}}", true}, {"<!-- {{v}} -->", false}, {"<!-- x -->{{v}}", true},
		{"<!--[if mso]><p>x</p><![endif]-->{{v}}", true}, {`<p class="a>b">{{v}}</p>`, true}, {`<p class="a>{{v}}">`, true}, {"<br/>{{v}}", true}, {`<img alt="x"/>{{v}}`, true},
		{`<a class="x" href="{{v}}">`, false}, {`<a class='x'href='{{v}}'>`, false}, {`<a disabled href="{{v}}">`, false}, {`<a/href="{{v}}">`, false},
		{`<p title="{{v}}" onclick='go("{{v}}")'>`, false}, {`<iframe srcdoc="{{v}}">`, false}, {`<button formaction="{{v}}">`, false}, {"</p {{v}}>", false},
	} {
		pieces, err := parse(c.html)
		if err != nil {
			t.Fatal(err)
		}
		if got := misplaced(pieces, func(name string) bool { return name == "url" }); (got == "") != c.ok {
			t.Errorf("%s: misplaced is %q, want ok = %v", c.html, got, c.ok)
		}
	}
}

// Values are text, whatever they hold.
func TestRender(t *testing.T) {
	values := map[string]string{"n": `<b onclick="x">'&`, "path": "a/b?c=d&e#f %é", "url": "https://example.org/x?y=z", "js": "javascript:alert(1)", "long": strings.Repeat("x", 4000)}
	link := func(url string) []parley.Part {
		return []parley.Part{{Kind: parley.PartText, Text: "x", Actions: []parley.Action{{ID: "1", Kind: parley.ActionLink, Text: "{{n}}", URL: url}}}}
	}
	for _, c := range []struct {
		what  string
		body  []parley.Part
		got   func(b []parley.Part) string
		want  string
		wrong string // the code
	}{
		{"text", []parley.Part{{Kind: parley.PartText, Text: "Hi {{n}}"}}, func(b []parley.Part) string { return b[0].Text }, `Hi <b onclick="x">'&`, ""},
		{"HTML", []parley.Part{{Kind: parley.PartHTML, Text: "<p>{{n}}</p>", Fallback: "{{n}}"}}, func(b []parley.Part) string { return b[0].Text + b[0].Fallback },
			`<p>&lt;b onclick=&#34;x&#34;&gt;&#39;&amp;</p><b onclick="x">'&`, ""},
		{"a part of a URL in HTML", []parley.Part{{Kind: parley.PartHTML, Text: `<a href="https://example.org/?q={{path}}" title="{{n}}">{{n}}</a>`}}, func(b []parley.Part) string { return b[0].Text },
			`<a href="https://example.org/?q=a%2Fb%3Fc%3Dd%26e%23f%20%25%C3%A9" title="&lt;b onclick=&#34;x&#34;&gt;&#39;&amp;">&lt;b onclick=&#34;x&#34;&gt;&#39;&amp;</a>`, ""},
		{"a URL in HTML", []parley.Part{{Kind: parley.PartHTML, Text: `<a href='{{url}}&amp;z={{n}}'>x</a>`}}, func(b []parley.Part) string { return b[0].Text },
			`<a href='https://example.org/x?y=z&amp;z=%3Cb%20onclick%3D%22x%22%3E%27%26'>x</a>`, ""},
		{"a part of a URL", link("https://example.org/{{path}}?q={{path}}"), func(b []parley.Part) string { return b[0].Actions[0].URL },
			"https://example.org/a%2Fb%3Fc%3Dd%26e%23f%20%25%C3%A9?q=a%2Fb%3Fc%3Dd%26e%23f%20%25%C3%A9", ""},
		{"a URL", link("{{url}}"), func(b []parley.Part) string { return b[0].Actions[0].URL + b[0].Actions[0].Text }, `https://example.org/x?y=z<b onclick="x">'&`, ""},
		{"what is no URL", link("{{js}}"), nil, "", "url-invalid"},
		{"what is no host", link("https://{{path}}"), nil, "", "url-invalid"},
		{"a hint", []parley.Part{{Kind: parley.PartText, Text: "x", Hints: map[string]string{"subject": "For {{n}}"}}}, func(b []parley.Part) string { return b[0].Hints["subject"] },
			`For <b onclick="x">'&`, ""},
		{"much too much", []parley.Part{{Kind: parley.PartText, Text: strings.Repeat("{{long}}", 10_000)}}, nil, "", "too-long"},
		{"too much", []parley.Part{{Kind: parley.PartText, Text: strings.Repeat("{{long}}", 26)}}, nil, "", "too-long"},
	} {
		body, wrong := render(c.body, func(name string) string { return values[name] })
		switch {
		case c.wrong != "" && (len(wrong) != 1 || wrong[0].Code != c.wrong):
			t.Errorf("%s: %v, want %s", c.what, wrong, c.wrong)
		case c.wrong == "" && len(wrong) > 0:
			t.Errorf("%s: %v", c.what, wrong)
		case c.wrong == "":
			if got := c.got(body); got != c.want {
				t.Errorf("%s: %q, want %q", c.what, got, c.want)
			}
		}
	}
}
