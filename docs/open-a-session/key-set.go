// Decrypts a session that mod_session_crypto encrypted under a JWK Set, or encrypts one.
//
//	SESSION_KEY_SET_FILE=FILE go run key-set.go open [PURPOSE] <token >session
//	SESSION_KEY_SET_FILE=FILE go run key-set.go make ENC [PURPOSE] <session >token
//
// FILE is the JWK Set of SessionCryptoKeyFile. ENC is A128GCM, A192GCM or A256GCM. A token
// that is refused, or has expired, ends the program with status 1 and a reason.
//
// Needs go-jose (on Debian: golang-gopkg-square-go-jose.v2-dev). Version 4 of it is
// github.com/go-jose/go-jose/v4, and its ParseEncrypted takes the algorithms of Open.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/url"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"gopkg.in/square/go-jose.v2"
)

var algorithms = map[int]jose.KeyAlgorithm{16: jose.A128KW, 24: jose.A192KW, 32: jose.A256KW}
var encryptions = map[string]bool{"A128GCM": true, "A192GCM": true, "A256GCM": true}

type key struct {
	bytes        []byte
	id           string
	alg          jose.KeyAlgorithm
	begins, ends float64
}

// Read it again when it changes: keys come and go without a restart.
func readKeys() ([]key, error) {
	text, err := os.ReadFile(os.Getenv("SESSION_KEY_SET_FILE"))
	if err != nil {
		return nil, err
	}
	var set struct {
		Keys []struct {
			K, Kid   string
			Nbf, Exp float64
		}
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, err
	}
	var keys []key
	for _, each := range set.Keys {
		secret, err := base64.RawURLEncoding.DecodeString(each.K)
		if err != nil {
			return nil, errors.New("a key is not base64url")
		}
		read := key{secret, each.Kid, algorithms[len(secret)], each.Nbf, each.Exp}
		if read.id == "" {
			// The thumbprint (RFC 7638), which go-jose 2 has for other keys only.
			hash := sha256.Sum256([]byte(`{"k":"` + each.K + `","kty":"oct"}`))
			read.id = base64.RawURLEncoding.EncodeToString(hash[:])
		}
		if read.ends == 0 {
			read.ends = math.Inf(1)
		}
		keys = append(keys, read)
	}
	return keys, nil
}

func now() float64 { return float64(time.Now().UnixNano()) / 1e9 }

func open(token, purpose string, keys []key) ([]byte, error) {
	parsed, err := jose.ParseEncrypted(token)
	if err != nil || strings.Count(token, ".") != 4 {
		return nil, errors.New("not a token")
	}
	text, err := base64.RawURLEncoding.DecodeString(token[:strings.IndexByte(token, '.')])
	if err != nil {
		return nil, errors.New("not a token")
	}
	var header map[string]interface{}
	if err := json.Unmarshal(text, &header); err != nil {
		return nil, errors.New("not a header of a session")
	}
	var found *key
	for index, each := range keys {
		if each.id == header["kid"] && now() < each.ends {
			found = &keys[index]
		}
	}
	if found == nil {
		return nil, errors.New("no key has this key id")
	}
	// The token chooses nothing: its whole header must be the agreed one.
	enc, _ := header["enc"].(string)
	expected := map[string]interface{}{"alg": string(found.alg), "enc": enc, "kid": found.id}
	if purpose != "" {
		expected["aud"] = purpose
	}
	if !encryptions[enc] || !reflect.DeepEqual(header, expected) {
		return nil, errors.New("another purpose or another algorithm")
	}
	session, err := parsed.Decrypt(found.bytes)
	if err != nil {
		return nil, errors.New("the encrypted key or the tag is wrong")
	}
	// In microseconds since 1970. An application must check it, as mod_session does.
	values, _ := url.ParseQuery(string(session))
	if expiry, err := strconv.ParseFloat(values.Get("expiry"), 64); err == nil && expiry < now()*1e6 {
		return nil, errors.New("expired")
	}
	return session, nil
}

func seal(session []byte, enc, purpose string, keys []key) (string, error) {
	// The newest; of two that begin together, the later one in the file.
	var found *key
	for index, each := range keys {
		if each.begins <= now() && now() < each.ends && (found == nil || each.begins >= found.begins) {
			found = &keys[index]
		}
	}
	if found == nil {
		return "", errors.New("no key has begun and not ended")
	}
	recipient := jose.Recipient{Algorithm: found.alg, Key: found.bytes, KeyID: found.id}
	options := &jose.EncrypterOptions{}
	if purpose != "" {
		options.WithHeader("aud", purpose)
	}
	encrypter, err := jose.NewEncrypter(jose.ContentEncryption(enc), recipient, options)
	if err != nil {
		return "", err
	}
	token, err := encrypter.Encrypt(session)
	if err != nil {
		return "", err
	}
	return token.CompactSerialize()
}

func run(arguments []string) error {
	keys, err := readKeys()
	if err != nil {
		return err
	}
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	var output []byte
	switch arguments = append(arguments, "", "", ""); arguments[0] {
	case "open":
		output, err = open(string(bytes.TrimSpace(input)), arguments[1], keys)
	case "make":
		var token string
		token, err = seal(input, arguments[1], arguments[2], keys)
		output = []byte(token)
	default:
		err = errors.New("say what: open [PURPOSE], or make ENC [PURPOSE]")
	}
	if err == nil {
		_, err = os.Stdout.Write(output)
	}
	return err
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "refused: %v\n", err)
		os.Exit(1)
	}
}
