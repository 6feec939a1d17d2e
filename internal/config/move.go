package config

import (
	"path/filepath"
	"strings"
)

// checkMove says what is wrong with where the database is moved.
func (c Config) checkMove(refuse func(option, format string, args ...any)) {
	folder, isFolder := strings.CutPrefix(c.MigrateTo, "sqlite:")
	switch {
	case c.MigrateTo == "" || isPostgres(c.MigrateTo):
	case !isFolder:
		refuse("migrate-to", "must be postgres://USER:PASSWORD@HOST:PORT/NAME or sqlite:FOLDER") // without its password
	case absolute(folder) != absolute(c.Data):
		refuse("migrate-to", "%q must be sqlite: and the data folder, where the files are: %q", c.MigrateTo, "sqlite:"+c.Data)
	}
}

func absolute(folder string) string {
	path, err := filepath.Abs(folder)
	if err != nil {
		return folder
	}
	return path
}
