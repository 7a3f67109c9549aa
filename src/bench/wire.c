#include "bench/wire.h"

#include "base/mem.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <arpa/inet.h>
#include <unistd.h>

#define HEAD_MAX 8192

struct wire_identity {
	SSL_CTX *ctx;
};

struct wire {
	struct sockaddr_in to;
	char host[64];
	SSL_CTX *ctx; /* NULL: plain */
	SSL *ssl;
	int fd;
	bool last; /* the server ends the connection after this answer */
	struct buf out, in;
};

/* ---- identity ---- */

static int give_pin(char *buf, int size, int rwflag, void *arg)
{
	(void)rwflag;
	return snprintf(buf, (size_t)size, "%s", (const char *)arg);
}

static RC load_identity(SSL_CTX *ctx, const char *certificate, const char *key, const char *pin,
                        const char *authorities)
{
	char copy[256];
	int ok;

	(void)snprintf(copy, sizeof(copy), "%s", pin != NULL ? pin : "");
	SSL_CTX_set_default_passwd_cb(ctx, give_pin);
	SSL_CTX_set_default_passwd_cb_userdata(ctx, copy);
	ok = SSL_CTX_use_certificate_chain_file(ctx, certificate) == 1 &&
	     SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1;
	wipe(copy, sizeof(copy));
	SSL_CTX_set_default_passwd_cb_userdata(ctx, NULL);
	NEED(ok, RC_INPUT, "bench: cannot use %s and %s", certificate, key);
	NEED(SSL_CTX_load_verify_locations(ctx, authorities, NULL) == 1, RC_INPUT, "bench: cannot use %s",
	     authorities);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_read_ahead(ctx, 1); /* one read for a record and its head */
	return OK;
}

RC wire_identity_new(const char *certificate, const char *key, const char *pin, const char *authorities,
                     struct wire_identity **ret)
{
	struct wire_identity *i = mem_new(1, sizeof(*i));
	struct rc rc;

	NEED(i != NULL, RC_NOMEM, "bench: no memory");
	i->ctx = SSL_CTX_new(TLS_client_method());
	rc = i->ctx != NULL ? load_identity(i->ctx, certificate, key, pin, authorities)
	                    : rc_fail(RC_NOMEM, "bench: no memory");
	if (!rc_ok(rc)) {
		ERR_clear_error();
		wire_identity_free(i);
		return rc;
	}
	*ret = i;
	return OK;
}

void wire_identity_free(struct wire_identity *i)
{
	if (i == NULL)
		return;
	SSL_CTX_free(i->ctx);
	mem_free(i);
}

/* ---- connection ---- */

static void hang_up(struct wire *w)
{
	SSL_free(w->ssl);
	w->ssl = NULL;
	if (w->fd >= 0)
		(void)close(w->fd);
	w->fd = -1;
}

static RC dial(struct wire *w)
{
	struct timeval limit = {.tv_sec = WIRE_TIMEOUT_SECONDS};
	int one = 1;

	w->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	NEED(w->fd >= 0, RC_BUSY, "bench: no socket");
	(void)setsockopt(w->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	(void)setsockopt(w->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	(void)setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	NEED(connect(w->fd, (const struct sockaddr *)&w->to, sizeof(w->to)) == 0, RC_BUSY,
	     "bench: nobody listens at %s", w->host);
	if (w->ctx == NULL)
		return OK;
	w->ssl = SSL_new(w->ctx);
	NEED(w->ssl != NULL && SSL_set_fd(w->ssl, w->fd) == 1, RC_NOMEM, "bench: no memory");
	if (SSL_connect(w->ssl) != 1) {
		char text[128];

		ERR_error_string_n(ERR_get_error(), text, sizeof(text));
		ERR_clear_error();
		FAIL(RC_BUSY, "bench: TLS with %s: %s", w->host, text);
	}
	return OK;
}

static RC connect_again(struct wire *w)
{
	struct rc rc;

	if (w->fd >= 0)
		return OK;
	rc = dial(w);
	if (!rc_ok(rc))
		hang_up(w);
	return rc;
}

RC wire_open(const char *url, const struct wire_identity *identity, struct wire **ret)
{
	struct wire *w = mem_new(1, sizeof(*w));
	char address[32] = "";
	unsigned port = 0;
	struct rc rc;

	NEED(w != NULL, RC_NOMEM, "bench: no memory");
	w->fd = -1;
	w->out = BUF(WIRE_ANSWER_MAX);
	w->in = BUF(WIRE_ANSWER_MAX + HEAD_MAX);
	w->ctx = identity != NULL ? identity->ctx : NULL;
	w->to.sin_family = AF_INET;
	if (sscanf(url, "http%*[s]://%31[0-9.]:%u", address, &port) != 2)
		(void)sscanf(url, "http://%31[0-9.]:%u", address, &port);
	(void)snprintf(w->host, sizeof(w->host), "%s:%u", address, port);
	w->to.sin_port = htons((uint16_t)port);
	rc = inet_pton(AF_INET, address, &w->to.sin_addr) == 1 ? connect_again(w)
	                                                       : rc_fail(RC_INPUT, "bench: %s", url);
	if (!rc_ok(rc)) {
		wire_close(w);
		return rc;
	}
	*ret = w;
	return OK;
}

void wire_close(struct wire *w)
{
	if (w == NULL)
		return;
	hang_up(w);
	buf_free(&w->out);
	buf_free(&w->in);
	mem_free(w);
}

/* ---- one exchange ---- */

static RC send_all(struct wire *w)
{
	const uint8_t *p = w->out.p;
	size_t left = w->out.len;

	while (left > 0) {
		ssize_t n =
		        w->ssl != NULL ? SSL_write(w->ssl, p, (int)left) : send(w->fd, p, left, MSG_NOSIGNAL);

		NEED(n > 0, RC_UNCERTAIN, "bench: %s closed while it was written to", w->host);
		p += n;
		left -= (size_t)n;
	}
	return OK;
}

static RC receive_some(struct wire *w)
{
	uint8_t *room = buf_room(&w->in, 16384);
	ssize_t n;

	NEED(room != NULL, RC_INPUT, "bench: the answer is too long");
	n = w->ssl != NULL ? SSL_read(w->ssl, room, 16384) : recv(w->fd, room, 16384, 0);
	NEED(n > 0, RC_UNCERTAIN, "bench: no answer from %s", w->host);
	w->in.len += (size_t)n;
	return OK;
}

/* Where the body begins; 0: not there yet. */
static size_t end_of_head(const struct buf *b)
{
	const uint8_t *end = memmem(b->p, b->len, "\r\n\r\n", 4);

	return end != NULL ? (size_t)(end - b->p) + 4 : 0;
}

static RC read_head(struct wire *w, unsigned *status, size_t *head, size_t *length)
{
	char *line, *next;

	while ((*head = end_of_head(&w->in)) == 0) {
		NEED(w->in.len < HEAD_MAX, RC_INPUT, "bench: the header section is too long");
		TRY(receive_some(w));
	}
	w->in.p[*head - 2] = '\0';
	NEED(sscanf((const char *)w->in.p, "HTTP/1.1 %u", status) == 1, RC_INPUT, "bench: not HTTP/1.1");
	*length = 0;
	w->last = false;
	for (line = (char *)w->in.p; (next = strstr(line, "\r\n")) != NULL;) {
		line = next + 2;
		if (strncasecmp(line, "content-length:", 15) == 0)
			*length = strtoul(line + 15, NULL, 10);
		if (strncasecmp(line, "connection: close", 17) == 0)
			w->last = true;
		NEED(strncasecmp(line, "transfer-encoding:", 18) != 0, RC_INPUT, "bench: a chunked answer");
	}
	return OK;
}

static RC exchange(struct wire *w, unsigned *status, struct buf *body)
{
	size_t head = 0, length = 0;

	TRY(send_all(w));
	buf_clear(&w->in);
	TRY(read_head(w, status, &head, &length));
	NEED(length <= WIRE_ANSWER_MAX, RC_INPUT, "bench: the answer is too long");
	while (w->in.len < head + length)
		TRY(receive_some(w));
	buf_clear(body);
	buf_add(body, slice_of(w->in.p + head, length));
	return buf_done(body);
}

RC wire_call(struct wire *w, const char *method, const char *path, const char *media, struct slice content,
             unsigned *status, struct buf *body)
{
	struct rc rc;

	TRY(connect_again(w));
	buf_clear(&w->out);
	buf_printf(&w->out, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, w->host);
	if (media != NULL)
		buf_printf(&w->out, "Content-Type: %s\r\nContent-Length: %zu\r\n", media, content.len);
	buf_text(&w->out, "\r\n");
	buf_add(&w->out, content);
	TRY(buf_done(&w->out));
	rc = exchange(w, status, body);
	if (!rc_ok(rc) || w->last)
		hang_up(w);
	ERR_clear_error();
	return rc;
}
