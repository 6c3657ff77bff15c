package api

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// object is a JSON object of the document. Its keys are written in alphabetical order.
type object = map[string]any

// ofEvery are the refusals that every endpoint has. ofBody are those of endpoints with a body.
var (
	ofEvery = []*refusal{errTooMany, errAway}
	ofBody  = []*refusal{errJSON, invalid(""), errOrigin, errNoOrigin, errCrossSite, errType, errLarge, errSlow}
)

// writeDocument makes the OpenAPI 3.1 document of a table.
func writeDocument(table []endpoint, c Config) ([]byte, error) {
	paths := object{}
	for _, e := range table {
		path := Base + e.path
		if paths[path] == nil {
			paths[path] = object{}
		}
		paths[path].(object)[strings.ToLower(e.method)] = e.operation()
	}
	return json.Marshal(object{
		"openapi": "3.1.0",
		"info": object{"title": "Gatepost", "version": "1",
			"description": "The protocol of Better Auth's client, as a Gatepost speaks it."},
		"servers": []any{object{"url": c.PublicURL.Scheme + "://" + c.PublicURL.Host}},
		"paths":   paths,
		"components": object{
			"securitySchemes": object{"session": object{"type": "apiKey", "in": "cookie", "name": c.Cookie.Name}},
			"schemas": object{"Refusal": object{"type": "object", "required": []string{"message"},
				"properties": object{"message": object{"type": "string"}, "code": object{"type": "string"}}}},
		},
	})
}

func (e *endpoint) operation() object {
	op := object{"operationId": e.name, "summary": e.summary, "responses": e.responses()}
	if e.signedIn {
		op["security"] = []any{object{"session": []any{}}}
	}
	if params := e.parameters(); len(params) > 0 {
		op["parameters"] = params
	}
	if e.in.NumField() > 0 {
		content := object{"schema": schemaOf(e.in)}
		if e.example != nil {
			content["example"] = e.example
		}
		op["requestBody"] = object{"required": true, "content": object{"application/json": content}}
	}
	return op
}

func (e *endpoint) parameters() (list []object) {
	if _, name, ok := strings.Cut(e.path, "{"); ok {
		list = append(list, object{"name": strings.TrimSuffix(name, "}"), "in": "path", "required": true,
			"schema": object{"type": "string"}})
	}
	for _, p := range e.query {
		list = append(list, object{"name": p.name, "in": "query", "required": p.required, "description": p.note,
			"schema": object{"type": "string"}})
	}
	if slices.Contains(e.refusals, errNoSolution) {
		list = append(list, object{"name": "x-captcha-response", "in": "header", "required": false,
			"description": "the solution, where the operator asks for a challenge for bots",
			"schema":      object{"type": "string"}})
	}
	return list
}

// halfDone describes the answer of an endpoint that may ask for the second step.
const halfDone = `Done; or, where the caller has a second factor and did not prove it, ` +
	`{"twoFactorRedirect": true, "twoFactorMethods": ["totp"]}, with what they have of totp and passkey, and no session ` +
	`before two-factor/verify-totp or passkey/verify-authentication`

// responses describes the answer, and the refusals by status with their codes.
func (e *endpoint) responses() object {
	out := object{}
	switch e.out {
	case reflect.TypeFor[redirected]():
		out["302"] = object{"description": "A redirect"}
	case reflect.TypeFor[webPage]():
		out["200"] = object{"description": "A page",
			"content": object{"text/html": object{"schema": object{"type": "string"}}}}
	default:
		if e.exampleAnswer == nil { // it is always refused
			break
		}
		description := "Done"
		if e.half {
			description = halfDone
		}
		out["200"] = object{"description": description, "content": object{"application/json": object{
			"schema": schemaOf(e.out), "example": e.exampleAnswer}}}
	}
	for status, codes := range e.codes() {
		refusal := object{"schema": object{"$ref": "#/components/schemas/Refusal"}}
		out[strconv.Itoa(status)] = object{"description": strings.Join(codes, ", "),
			"content": object{"application/json": refusal}}
	}
	return out
}

// codes lists the codes of the refusals by status; a message stands for a refusal without a code.
func (e *endpoint) codes() map[int][]string {
	all := slices.Concat(e.refusals, ofEvery)
	if e.signedIn {
		all = append(all, errSignedOut)
	}
	if e.method == "POST" {
		all = append(all, ofBody...)
	}
	codes := map[int][]string{}
	if e.elsewhere {
		return codes
	}
	for _, r := range all {
		code := r.Code
		if code == "" {
			code = r.Message
		}
		if !slices.Contains(codes[r.status], code) {
			codes[r.status] = append(codes[r.status], code)
		}
	}
	return codes
}

// schemaOf is the JSON Schema of a type of this package.
func schemaOf(t reflect.Type) object {
	switch t {
	case reflect.TypeFor[date]():
		return object{"type": "string", "format": "date-time"}
	case reflect.TypeFor[maybe]():
		return object{"type": []string{"string", "null"}}
	case reflect.TypeFor[whatever]():
		return object{}
	case reflect.TypeFor[opaque]():
		return object{"type": "object"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return orNull(schemaOf(t.Elem()))
	case reflect.Slice:
		return object{"type": "array", "items": schemaOf(t.Elem())}
	case reflect.Uint32:
		return object{"type": "number"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.String:
		return object{"type": "string"}
	}
	return schemaOfStruct(t)
}

func orNull(schema object) object {
	schema["type"] = []string{schema["type"].(string), "null"}
	return schema
}

func schemaOfStruct(t reflect.Type) object {
	properties, required := object{}, []string{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		schema, needed := schemaOf(f.Type), options == ""
		if isBody(t) {
			needed = f.Type.Kind() == reflect.String || f.Type == reflect.TypeFor[opaque]()
		}
		if isBody(t) && f.Type.Kind() == reflect.Pointer {
			schema = schemaOf(f.Type.Elem()) // it may be missing, and is never null
		}
		if needed {
			required = append(required, name)
		}
		if note := f.Tag.Get("note"); note != "" {
			schema["description"] = note
		}
		if is := f.Tag.Get("is"); is != "" {
			schema["format"] = is
		}
		properties[name] = schema
	}
	return object{"type": "object", "properties": properties, "required": required}
}

// isBody reports whether a type is what a request sends: there a pointer is a field that may be missing.
func isBody(t reflect.Type) bool { return strings.HasSuffix(t.Name(), "Body") }
