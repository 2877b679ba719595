// SPDX-License-Identifier: GPL-3.0-or-later

// An object store in memory that checks signatures of AWS (version 4): object-store KEY SECRET BUCKET.
package main

import (
	"context"
	"log"
	"net/http"
	"os"

	"github.com/rclone/gofakes3"
	"github.com/rclone/gofakes3/s3mem"
)

func main() {
	store := s3mem.New()
	if err := store.CreateBucket(context.Background(), os.Args[3]); err != nil {
		log.Fatal(err)
	}
	faker := gofakes3.New(store, gofakes3.WithV4Auth(map[string]string{os.Args[1]: os.Args[2]}))
	log.Fatal(http.ListenAndServe(":9000", faker.Server()))
}
