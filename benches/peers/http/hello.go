// The hello of examples/todo-api with Go's net/http. It listens at 127.0.0.1, port PORT.
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"os"
)

type hello struct {
	Message string `json:"message"`
	Ok      bool   `json:"ok"`
}

func main() {
	mux := http.NewServeMux()
	mux.HandleFunc("/api/hello", func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(hello{"hello", true})
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), mux))
}
