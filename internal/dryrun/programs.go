package dryrun

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"

	"byok/internal/exitcode"
)

// Offline finds byok-offline: given, or else beside byok-online, or else on PATH.
// It must be of the same version. The error has the status Usage, and a hint.
func Offline(ctx context.Context, given, online, version string) (string, error) {
	const hint = "take byok-offline from the same kit or build, and name it with --byok-offline PATH"
	path, err := find(given, online)
	if err != nil {
		return "", exitcode.Errorf(exitcode.Usage, "a dry run needs byok-offline too: %w", err).Hint(hint)
	}
	found, err := versionOf(ctx, path)
	switch {
	case err != nil:
		return "", exitcode.Errorf(exitcode.Usage, "%s does not say its version: %w", path, err).Hint(hint)
	case found != version:
		return "", exitcode.Errorf(exitcode.Usage, "%s is version %s, and byok-online is %s", path, found, version).Hint(hint)
	}
	return path, nil
}

var errNowhere = errors.New("it is neither beside byok-online nor on PATH")

func find(given, online string) (string, error) {
	if given != "" {
		path, err := exec.LookPath(given)
		if err != nil {
			return "", err
		}
		return filepath.Abs(path)
	}
	beside := filepath.Join(filepath.Dir(online), "byok-offline")
	if _, err := os.Stat(beside); err == nil {
		return beside, nil
	}
	path, err := exec.LookPath("byok-offline")
	if err != nil {
		return "", errNowhere
	}
	return filepath.Abs(path)
}

func versionOf(ctx context.Context, path string) (string, error) {
	out, err := exec.CommandContext(ctx, path, "version", "--output", "json").Output()
	if err != nil {
		return "", err
	}
	var answer struct {
		Data struct {
			Program string `json:"program"`
			Version string `json:"version"`
		} `json:"data"`
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		return "", err
	}
	if answer.Data.Program != "byok-offline" {
		return "", errors.New("it is another program")
	}
	return answer.Data.Version, nil
}
