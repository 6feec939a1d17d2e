package app

import "testing"

func TestReadOnlyPartsOfTheProgram(t *testing.T) {
	for line, want := range map[string]bool{
		"00400000-01894000 r-xp 00000000 fe:00 9980279                            /bin/parley":         true,
		"01894000-02d6b000 r--p 01494000 fe:00 9980279                            /bin/parley":         true,
		"02d6b000-02e27000 rw-p 0296b000 fe:00 9980279                            /bin/parley":         false,
		"7ff46879a000-7ff4687a2000 r--s 00000000 fe:00 9978268                    /data/parley.db-shm": false,
		"7ff46879a000-7ff4687a2000 rw-p 00000000 00:00 0":                                              false,
		"x-y r-xp 00000000 fe:00 9980279                                          /bin/parley":         false,
		"": false,
	} {
		if from, to, got := readOnlyPart(line, "/bin/parley"); got != want || got && from >= to {
			t.Errorf("%q: %x to %x, %t", line, from, to, got)
		}
	}
	releaseStart() // and the test goes on
}
