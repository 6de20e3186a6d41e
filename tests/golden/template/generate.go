// Renders the templates of cases.jsonl with Go's own text/template:
//
//	go run generate.go < cases.jsonl > new.jsonl
//
// The data is that of src/template/template_test.c.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"text/template"
	"time"
)

type T struct {
	Name   string
	Value  float64
	Labels map[string]string
}

type testCase struct {
	Template string `json:"template"`
	Output   string `json:"output"`
	Error    string `json:"error,omitempty"`
}

func main() {
	labels := map[string]string{"k2": "v2", "k1": "v1", "instance": "host-1.example.com:9100"}
	at := time.Unix(0, 1710061687123456789).UTC()
	newYork, _ := time.LoadLocation("America/New_York")
	t := T{"ann", 1e6, labels}
	data := map[string]any{
		"s": "hello", "e": "", "n": 42, "neg": -7, "f": 3.14159, "big": 1.5e21, "zero": 0,
		"b": true, "list": []string{"a", "b", "c d"}, "nums": []any{1, 2.5, "x", nil},
		"m": labels, "empty": []string{}, "t": at, "ny": at.In(newYork),
		"d": time.Duration(5430500000000), "nil": nil, "html": "<a href=\"x\">'&</a>",
		"nested": map[string]any{"x": map[string]any{"y": 7}}, "u": "héllo wörld €",
		"T": t, "Ts": []T{t, t},
	}
	functions := template.FuncMap{
		"title": strings.Title, "toUpper": strings.ToUpper, "toLower": strings.ToLower,
	}
	in := bufio.NewScanner(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for in.Scan() {
		var c testCase
		if err := json.Unmarshal(in.Bytes(), &c); err != nil {
			panic(err)
		}
		c.Output, c.Error = "", ""
		parsed, err := template.New("t").Funcs(functions).Option("missingkey=zero").Parse(c.Template)
		if err == nil {
			var b bytes.Buffer
			err = parsed.Execute(&b, data)
			c.Output = b.String()
		}
		if err != nil {
			c.Error = err.Error()
		}
		if err := out.Encode(c); err != nil {
			panic(err)
		}
	}
}
