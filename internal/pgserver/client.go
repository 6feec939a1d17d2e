package pgserver

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Execute runs SQL over a connection of its own, of which nothing is left: tests look for goroutines.
func Execute(database, statements string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statements)
	if closing := conn.Close(ctx); err == nil {
		err = closing
	}
	return err
}
