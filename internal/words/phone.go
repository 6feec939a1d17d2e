package words

// A telephone number is known by its last digits, so that it is found with or without the code of its country and
// however it is written. phoneMark begins such a word: no other has it.
const (
	phoneMark   = "#"
	phoneDigits = 8 // that tell numbers apart
	phoneMost   = 20
)

// number is what may be a telephone number in a text.
type number struct {
	start, end int
	key        string
	spaced     bool // it has spaces in it
}

// numbers finds what may be telephone numbers: digits, with no more between them than people write there.
func numbers(text string) (found []number) {
	for at := 0; at < len(text); {
		if !digit(text[at]) || at > 0 && wordly(text[at-1]) {
			at++
			continue
		}
		n, next := readNumber(text, at)
		if n.key != "" {
			found = append(found, n)
		}
		at = next
	}
	return found
}

// readNumber reads a number that begins at a digit, and says where to go on.
func readNumber(text string, start int) (n number, next int) {
	var digits []byte
	end, gap, spaced, gaps := start, 0, false, false
scan:
	for at := start; at < len(text); at++ {
		switch c := text[at]; {
		case digit(c):
			digits = append(digits, c)
			spaced, gaps, gap, end = spaced || gaps, false, 0, at+1
		case c == ' ' || c == '-' || c == '.' || c == '/' || c == '(' || c == ')':
			gaps = gaps || c == ' '
			if gap++; gap > 3 {
				break scan
			}
		default:
			break scan
		}
	}
	whole := end == len(text) || !wordly(text[end])
	if whole && len(digits) >= phoneDigits && len(digits) <= phoneMost {
		n = number{start: start, end: end, key: phoneMark + string(digits[len(digits)-phoneDigits:]), spaced: spaced}
	}
	return n, max(end, start+1)
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// wordly reports whether an octet is of a letter or digit, or may be.
func wordly(c byte) bool { return c >= 0x80 || asciiFold[c] != ' ' }

// Phone is the word of a telephone number; empty where it has too few digits.
func Phone(text string) string {
	for _, n := range numbers(text) {
		return n.key
	}
	return ""
}
