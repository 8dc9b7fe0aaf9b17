// A server of MongoDB's protocol for tests: FerretDB with SQLite underneath.
package main

import (
	"context"
	"flag"
	"log"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	address := flag.String("listen", "127.0.0.1:27017", "host:port")
	folder := flag.String("data", "", "folder of the databases")
	flag.Parse()
	server, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: *address},
		Handler:   "sqlite",
		// It need not outlive a crash, and waits for no disk.
		SQLiteURL: "file:" + *folder + "/?_pragma=synchronous(off)&_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)",
	})
	if err != nil {
		log.Fatal(err)
	}
	if err = server.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}
