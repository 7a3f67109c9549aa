#include "http/client.h"
#include "base/mem.h"
#include "http/problem.h"

#include <curl/curl.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>

#define CONNECT_MS 5000
#define BASE_MAX 256

/* One connection of libcurl's with its keep-alive, used by one call at a time. */
struct handle {
	CURL *curl;
	struct http_client *client;
	unsigned generation;
	struct handle *next;
	bool begun;        /* a request may have left */
	char refusal[200]; /* why the peer is not who we mean */
	char error[CURL_ERROR_SIZE];
};

struct http_client {
	char base[BASE_MAX];
	char *certificate, *key, *authorities_path;
	struct buf password;    /* secret */
	struct buf authorities; /* PEM */
	struct rc (*check_peer)(void *ctx, struct slice certificate);
	void *check_ctx;
	unsigned connect_ms;
	pthread_mutex_t lock; /* over the three below */
	struct handle *idle;
	unsigned idle_count;
	unsigned generation;
};

/* Process state of libcurl. */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void set_up_curl(void)
{
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* ---- making ---- */

static RC copy_path(const char *s, char **ret)
{
	if (s == NULL)
		return OK;
	*ret = mem_text(s);
	NEED(*ret != NULL, RC_NOMEM, "client: no memory");
	return OK;
}

static RC fill(struct http_client *h, const struct http_client_config *c)
{
	size_t n = strlen(c->base_url);

	while (n > 0 && c->base_url[n - 1] == '/')
		n--;
	NEED(n < BASE_MAX &&
	             (strncmp(c->base_url, "http://", 7) == 0 || strncmp(c->base_url, "https://", 8) == 0),
	     RC_INPUT, "client: %s is not an http or https address", c->base_url);
	memcpy(h->base, c->base_url, n);
	TRY(copy_path(c->certificate_path, &h->certificate));
	TRY(copy_path(c->key_path, &h->key));
	TRY(copy_path(c->authorities_path, &h->authorities_path));
	if (c->key_password != NULL)
		buf_text(&h->password, c->key_password);
	buf_add(&h->authorities, c->authorities);
	TRY(buf_done(&h->password));
	TRY(buf_done(&h->authorities));
	h->check_peer = c->check_peer;
	h->check_ctx = c->check_ctx;
	h->connect_ms = c->connect_ms > 0 ? c->connect_ms : CONNECT_MS;
	return OK;
}

RC http_client_new(const struct http_client_config *c, struct http_client **ret)
{
	AUTO(http_client, h, mem_new(1, sizeof(*h)));

	NEED(h != NULL, RC_NOMEM, "client: no memory");
	(void)pthread_once(&once, set_up_curl);
	(void)pthread_mutex_init(&h->lock, NULL);
	h->password = BUF_SECRET(1024);
	h->authorities = BUF(1u << 20);
	TRY(fill(h, c));
	*ret = MOVE(h);
	return OK;
}

static void handle_free(struct handle *x)
{
	if (x == NULL)
		return;
	curl_easy_cleanup(x->curl);
	mem_free(x);
}
DROP(handle, handle_free);

void http_client_reload(struct http_client *c)
{
	(void)pthread_mutex_lock(&c->lock);
	c->generation++;
	(void)pthread_mutex_unlock(&c->lock);
}

void http_client_free(struct http_client *c)
{
	struct handle *x, *next;

	if (c == NULL)
		return;
	for (x = c->idle; x != NULL; x = next) {
		next = x->next;
		handle_free(x);
	}
	mem_free(c->certificate);
	mem_free(c->key);
	mem_free(c->authorities_path);
	buf_free(&c->password);
	buf_free(&c->authorities);
	(void)pthread_mutex_destroy(&c->lock);
	mem_free(c);
}

/* ---- who answers ---- */

/* OpenSSL has verified the chain up to here; at the end of it the caller says whether this is the one. */
static int check_certificate(int ok, X509_STORE_CTX *ctx)
{
	const SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct handle *x = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	unsigned char *der = NULL;
	struct rc rc;
	int n;

	if (!ok || X509_STORE_CTX_get_error_depth(ctx) > 0)
		return ok;
	n = i2d_X509(X509_STORE_CTX_get_current_cert(ctx), &der);
	rc = n > 0 ? x->client->check_peer(x->client->check_ctx, slice_of(der, (size_t)n))
	           : rc_fail(RC_CRYPTO, "certificate");
	OPENSSL_free(der);
	if (rc_ok(rc))
		return 1;
	(void)snprintf(x->refusal, sizeof(x->refusal), "%.190s", rc_last()->text);
	X509_STORE_CTX_set_error(ctx, X509_V_ERR_APPLICATION_VERIFICATION);
	return 0;
}

static CURLcode on_ssl_ctx(CURL *curl, void *ssl_ctx, void *arg)
{
	(void)curl;
	SSL_CTX_set_app_data(ssl_ctx, arg);
	SSL_CTX_set_verify(ssl_ctx, SSL_VERIFY_PEER, check_certificate);
	return CURLE_OK;
}

/* ---- handles ---- */

static bool set_tls(struct handle *x)
{
	struct http_client *c = x->client;
	struct curl_blob blob = {
	        .data = c->authorities.p, .len = c->authorities.len, .flags = CURL_BLOB_COPY};
	CURLcode e = CURLE_OK;

	if (c->certificate != NULL)
		e |= curl_easy_setopt(x->curl, CURLOPT_SSLCERT, c->certificate);
	if (c->key != NULL)
		e |= curl_easy_setopt(x->curl, CURLOPT_SSLKEY, c->key);
	if (c->password.len > 0)
		e |= curl_easy_setopt(x->curl, CURLOPT_KEYPASSWD, buf_cstr(&c->password));
	e |= curl_easy_setopt(x->curl, CURLOPT_CAPATH, NULL);
	e |= curl_easy_setopt(x->curl, CURLOPT_CAINFO, c->authorities_path);
	if (blob.len > 0)
		e |= curl_easy_setopt(x->curl, CURLOPT_CAINFO_BLOB, &blob);
	e |= curl_easy_setopt(x->curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	/* A resumed session would skip the look at the certificate. */
	e |= curl_easy_setopt(x->curl, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	e |= curl_easy_setopt(x->curl, CURLOPT_SSL_VERIFYPEER, 1L);
	e |= curl_easy_setopt(x->curl, CURLOPT_SSL_VERIFYHOST, c->check_peer != NULL ? 0L : 2L);
	if (c->check_peer != NULL) {
		e |= curl_easy_setopt(x->curl, CURLOPT_SSL_CTX_FUNCTION, on_ssl_ctx);
		e |= curl_easy_setopt(x->curl, CURLOPT_SSL_CTX_DATA, x);
	}
	return e == CURLE_OK;
}

/* libcurl asks again on a new connection when a kept one turns out to be dead: how the last try failed does
 * not tell whether an earlier one got through. */
static int on_begin(void *arg, char *peer, char *own, int peer_port, int own_port)
{
	(void)peer, (void)own, (void)peer_port, (void)own_port;
	((struct handle *)arg)->begun = true;
	return CURL_PREREQFUNC_OK;
}

static bool set_habits(struct handle *x)
{
	CURLcode e = CURLE_OK;

	e |= curl_easy_setopt(x->curl, CURLOPT_NOSIGNAL, 1L);
	e |= curl_easy_setopt(x->curl, CURLOPT_ERRORBUFFER, x->error);
	e |= curl_easy_setopt(x->curl, CURLOPT_PREREQFUNCTION, on_begin);
	e |= curl_easy_setopt(x->curl, CURLOPT_PREREQDATA, x);
	e |= curl_easy_setopt(x->curl, CURLOPT_PROXY, "");
	e |= curl_easy_setopt(x->curl, CURLOPT_FOLLOWLOCATION, 0L);
	e |= curl_easy_setopt(x->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	e |= curl_easy_setopt(x->curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	e |= curl_easy_setopt(x->curl, CURLOPT_TCP_NODELAY, 1L);
	e |= curl_easy_setopt(x->curl, CURLOPT_MAXCONNECTS, 1L);
	e |= curl_easy_setopt(x->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)x->client->connect_ms);
	e |= curl_easy_setopt(x->curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	return e == CURLE_OK;
}

static RC handle_new(struct http_client *c, unsigned generation, struct handle **ret)
{
	AUTO(handle, x, mem_new(1, sizeof(*x)));

	NEED(x != NULL, RC_NOMEM, "client: no memory");
	x->client = c;
	x->generation = generation;
	x->curl = curl_easy_init();
	NEED(x->curl != NULL, RC_NOMEM, "client: no memory");
	NEED(set_habits(x) && set_tls(x), RC_BUG, "client: libcurl lacks an option");
	*ret = MOVE(x);
	return OK;
}

static RC handle_take(struct http_client *c, struct handle **ret)
{
	struct handle *x, *old = NULL;
	unsigned generation;

	(void)pthread_mutex_lock(&c->lock);
	generation = c->generation;
	while ((x = c->idle) != NULL) {
		c->idle = x->next;
		c->idle_count--;
		if (x->generation == generation)
			break;
		x->next = old;
		old = x;
	}
	(void)pthread_mutex_unlock(&c->lock);
	for (; old != NULL; old = *ret) {
		*ret = old->next;
		handle_free(old);
	}
	*ret = x;
	return x != NULL ? OK : handle_new(c, generation, ret);
}

static void handle_give_back(struct handle *x)
{
	struct http_client *c = x->client;
	bool kept;

	(void)pthread_mutex_lock(&c->lock);
	kept = x->generation == c->generation && c->idle_count < HTTP_CLIENT_HANDLES;
	if (kept) {
		x->next = c->idle;
		c->idle = x;
		c->idle_count++;
	}
	(void)pthread_mutex_unlock(&c->lock);
	if (!kept)
		handle_free(x);
}

/* ---- one call ---- */

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct http_answer *a = arg;

	buf_add(&a->body, slice_of(p, size * n));
	return a->body.failed ? 0 : size * n;
}

static void copy_value(struct slice line, const char *name, char *ret, size_t max)
{
	size_t n = strlen(name), i;

	if (line.len <= n || strncasecmp((const char *)line.p, name, n) != 0)
		return;
	line = slice_of(line.p + n, line.len - n);
	while (line.len > 0 && (line.p[0] == ' ' || line.p[0] == '\t'))
		line = slice_of(line.p + 1, line.len - 1);
	for (i = 0; i < line.len && i < max - 1 && line.p[i] > ' ' && line.p[i] != ';'; i++)
		ret[i] = (char)(line.p[i] >= 'A' && line.p[i] <= 'Z' ? line.p[i] + 32 : line.p[i]);
	ret[i] = '\0';
}

static size_t on_field(char *p, size_t size, size_t n, void *arg)
{
	struct http_answer *a = arg;
	struct slice line = slice_of(p, size * n);

	copy_value(line, "content-type:", a->media, sizeof(a->media));
	copy_value(line, "x-request-id:", a->request_id, sizeof(a->request_id));
	return size * n;
}

static bool add_field(struct curl_slist **list, const char *name, const char *value)
{
	AUTO_BUF(line, 512);
	struct curl_slist *longer;

	buf_printf(&line, "%s%s", name, value);
	longer = line.failed ? NULL : curl_slist_append(*list, buf_cstr(&line));
	if (longer != NULL)
		*list = longer;
	return longer != NULL;
}

static bool set_fields(struct handle *x, const struct http_call *call, struct curl_slist **list)
{
	/* "Expect:" without value: no round trip before a body. */
	bool good = add_field(list, "Expect:", "") &&
	            add_field(list, "Accept: ", call->accept != NULL ? call->accept : "*/*");

	if (call->media != NULL)
		good = good && add_field(list, "Content-Type: ", call->media);
	if (call->language != NULL)
		good = good && add_field(list, "Accept-Language: ", call->language);
	return good && curl_easy_setopt(x->curl, CURLOPT_HTTPHEADER, *list) == CURLE_OK;
}

static bool set_method(struct handle *x, const struct http_call *call)
{
	const char *method = call->method != NULL ? call->method : "GET";
	bool get = strcmp(method, "GET") == 0, with_body = call->media != NULL || call->body.len > 0;
	CURLcode e = curl_easy_setopt(x->curl, CURLOPT_HTTPGET, 1L);

	e |= curl_easy_setopt(x->curl, CURLOPT_CUSTOMREQUEST, NULL);
	if (!get && (with_body || strcmp(method, "POST") == 0)) {
		e |= curl_easy_setopt(x->curl, CURLOPT_POST, 1L);
		e |= curl_easy_setopt(x->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
		e |= curl_easy_setopt(x->curl, CURLOPT_POSTFIELDS,
		                      call->body.len > 0 ? (const char *)call->body.p : "");
	}
	if (!get && strcmp(method, "POST") != 0)
		e |= curl_easy_setopt(x->curl, CURLOPT_CUSTOMREQUEST, method);
	return e == CURLE_OK;
}

static bool set_call(struct handle *x, const struct http_call *call, struct http_answer *ret)
{
	AUTO_BUF(url, HTTP_CLIENT_URL_MAX);
	CURLcode e = CURLE_OK;

	buf_printf(&url, "%s%s", x->client->base, call->path);
	if (url.failed)
		return false;
	e |= curl_easy_setopt(x->curl, CURLOPT_URL, buf_cstr(&url));
	e |= curl_easy_setopt(x->curl, CURLOPT_TIMEOUT_MS,
	                      (long)(call->deadline_ms > 0 ? call->deadline_ms : HTTP_CLIENT_DEADLINE_MS));
	e |= curl_easy_setopt(x->curl, CURLOPT_WRITEFUNCTION, on_body);
	e |= curl_easy_setopt(x->curl, CURLOPT_WRITEDATA, ret);
	e |= curl_easy_setopt(x->curl, CURLOPT_HEADERFUNCTION, on_field);
	e |= curl_easy_setopt(x->curl, CURLOPT_HEADERDATA, ret);
	return e == CURLE_OK && set_method(x, call);
}

/* With TLS 1.3 a server refuses our certificate only after we have sent the request; it has not read it. */
static bool certificate_refused(const struct handle *x)
{
	return strstr(x->error, " alert ") != NULL &&
	       (strstr(x->error, "certificate") != NULL || strstr(x->error, "unknown ca") != NULL);
}

static RC transport_failure(struct handle *x, CURLcode e, const struct http_call *call,
                            const struct http_answer *a)
{
	const char *base = x->client->base;
	bool reading = call->method == NULL || strcmp(call->method, "GET") == 0;

	REQUIRE(x->refusal[0] == '\0', PEER_IDENTITY, "%s: %s", base, x->refusal);
	REQUIRE(e != CURLE_PEER_FAILED_VERIFICATION, PEER_IDENTITY, "%s: %s", base, curl_easy_strerror(e));
	REQUIRE(!a->body.failed, PEER_ANSWER, "%s: the answer is over %zu bytes", base, a->body.max);
	REQUIRE(!certificate_refused(x), HTTP_NO_CERTIFICATE, "%s refuses our certificate: %s", base,
	        x->error);
	NEED(e != CURLE_OUT_OF_MEMORY, RC_NOMEM, "client: no memory");
	NEED(e != CURLE_SSL_CERTPROBLEM, RC_INPUT, "%s: own certificate or key: %s", base,
	     curl_easy_strerror(e));
	if (!x->begun || (reading && e == CURLE_COULDNT_CONNECT))
		REFUSE(UNREACHABLE, "%s: %s", base, curl_easy_strerror(e));
	/* A read may simply be repeated; what was to change something may have done so. */
	if (reading && e == CURLE_OPERATION_TIMEDOUT)
		REFUSE(DEADLINE, "%s%s: no answer in time", base, call->path);
	if (reading)
		REFUSE(PEER_ANSWER, "%s%s: %s", base, call->path, curl_easy_strerror(e));
	FAIL(RC_UNCERTAIN, "%s%s: the answer was lost: %s", base, call->path, curl_easy_strerror(e));
}

static RC perform(struct handle *x, const struct http_call *call, struct http_answer *ret)
{
	struct curl_slist *fields = NULL;
	CURLcode e = CURLE_FAILED_INIT;
	long status = 0;
	bool good;

	x->refusal[0] = x->error[0] = '\0';
	x->begun = false;
	good = set_call(x, call, ret) && set_fields(x, call, &fields);
	if (good)
		e = curl_easy_perform(x->curl);
	curl_slist_free_all(fields);
	NEED(good, RC_INPUT, "client: %s%s cannot be asked for", x->client->base, call->path);
	if (e != CURLE_OK)
		return transport_failure(x, e, call, ret);
	(void)curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &status);
	ret->status = (unsigned)status;
	if ((status >= 200 && status < 300) || status == 304)
		return OK;
	return problem_failure(ret->status, buf_slice(&ret->body));
}

RC http_call(struct http_client *c, const struct http_call *call, struct http_answer *ret)
{
	struct handle *x = NULL;
	struct rc rc;

	ret->status = 0;
	ret->media[0] = ret->request_id[0] = '\0';
	buf_clear(&ret->body);
	TRY(handle_take(c, &x));
	rc = perform(x, call, ret);
	handle_give_back(x);
	return rc;
}

static int add_text(const char *p, size_t n, void *arg)
{
	struct buf *b = arg;

	buf_add(b, slice_of(p, n));
	return b->failed ? -1 : 0;
}

RC http_call_json(struct http_client *c, const struct http_call *call, const json_t *body, json_t **ret)
{
	AUTO_ANSWER(a, JSON_MAX);
	AUTO_BUF(text, JSON_MAX);
	struct http_call with = *call;

	if (body != NULL) {
		NEED(json_dump_callback(body, add_text, &text, JSON_COMPACT) == 0, RC_INPUT,
		     "client: JSON too large");
		with.method = call->method != NULL ? call->method : "POST";
		with.media = "application/json";
		with.body = buf_slice(&text);
	}
	TRY(http_call(c, &with, &a));
	if (rc_ok(json_read(buf_slice(&a.body), JSON_MAX, ret)))
		return OK;
	REFUSE(PEER_ANSWER, "%s%s: not JSON", c->base, call->path);
}

void http_answer_free(struct http_answer *a)
{
	buf_free(&a->body);
	a->status = 0;
}
