/* The one map from results to exit statuses (ui.md 4). */
#include "cli/cli.h"

static const struct {
	enum err err;
	enum cli_exit exit;
} named[] = {
        {ERR_USAGE, CLI_USAGE},
        {ERR_NOT_COMPLETE, CLI_INCOMPLETE},
        {ERR_UNREACHABLE, CLI_UNREACHABLE},
        {ERR_PEER_IDENTITY, CLI_UNREACHABLE},
        {ERR_DEADLINE, CLI_UNREACHABLE},
        {ERR_OVERLOADED, CLI_UNREACHABLE},
        {ERR_NOT_READY, CLI_UNREACHABLE},
        {ERR_KEY_PIN, CLI_DENIED},
        {ERR_NOT_VERIFIED, CLI_UNVERIFIED},
};

enum cli_exit cli_exit_of(const struct rc_text *t)
{
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		if (named[i].err == t->err)
			return named[i].exit;
	}
	switch (t->code) {
	case RC_OK:
		return CLI_OK;
	case RC_DENIED:
		return CLI_DENIED;
	case RC_NOTFOUND:
		return CLI_NOTFOUND;
	case RC_CONFLICT:
		return CLI_CONFLICT;
	case RC_INPUT:
	case RC_BUSY:
	case RC_UNCERTAIN:
	case RC_CRYPTO:
	case RC_NOMEM:
	case RC_BUG:
		break;
	}
	return CLI_FAILURE;
}
