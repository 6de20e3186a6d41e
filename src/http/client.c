#include "http/client.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/thread.h"
#include "codec/gzip.h"
#include "http/oauth2_int.h"

ALLOC_TYPE(http_client_type, "http_client")
ALLOC_TYPE(http_transfer_type, "http_transfer")

/* A credential file holds one token; a certificate bundle is larger but curl reads that itself. */
enum { SECRET_MAX_BYTES = 64 << 10, REDIRECTS_MAX = 10, ARENA_BYTES = 1 << 20 };

/* Connections kept for the next scrape of the same target: one each, up to this many. */
enum { IDLE_CONNECTIONS_MAX = 4096 };

/* Transfers kept for the next fetches: making one costs as much as a small fetch. */
enum { SPARE_TRANSFERS = 64 };

/* Room made for a body as soon as its length is announced; how much of it is taken at once. */
enum { READ_AHEAD_BYTES = 1 << 20, RECEIVE_BYTES = 64 << 10 };

struct http_transfer {
        struct http_fetch *fetch;
        struct http_client *client; /* NULL: of http_fetch_wait */
        /* In the queue or among the spare ones (client lock), or among the active ones. */
        struct http_transfer *next;
        struct http_transfer *previous; /* among the active ones */
        CURL *easy;
        struct curl_slist *headers;
        struct arena arena;         /* NUL-terminated copies for curl */
        struct str token;           /* of OAuth 2.0, as the Authorization header has it */
        char curl_error[CURL_ERROR_SIZE];
        int64_t started_ns;
        bool packed;                /* the answer comes as gzip */
};

struct http_client {
        CURLM *multi;
        CURLSH *groups[HTTP_FETCH_GROUPS]; /* of the client's thread; NULL: not used yet */
        pthread_t thread;
        pthread_mutex_t lock;
        struct http_transfer *queue;  /* lock */
        struct http_transfer *spare;  /* lock; as transfer_reset() leaves them */
        size_t spare_count;           /* lock */
        struct http_transfer *active; /* of the client's thread */
        struct http_token_request *token_requests; /* of the client's thread */
        atomic_bool stopping;
        _Atomic int64_t gather_ns;
};

static void on_token_fetched(struct http_fetch *fetch);

static void init_curl(void)
{
        BUG_ON(curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK);
}

static void init_curl_once(void)
{
        static pthread_once_t once = PTHREAD_ONCE_INIT;

        pthread_once(&once, init_curl);
}

static const char *cstring(struct http_transfer *transfer, struct str s)
{
        return s.len ? arena_str(&transfer->arena, s).data : NULL;
}

static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
        struct http_transfer *transfer = ctx;
        struct http_fetch *fetch = transfer->fetch;

        buf_append(&fetch->body, data, size * count);
        return fetch->body.overflow ? 0 : size * count;
}

static bool header_is(struct str name, const char *wanted)
{
        return name.len == strlen(wanted) && strncasecmp(name.data, wanted, name.len) == 0;
}

static void keep_wanted(struct http_fetch *fetch, struct str name, struct str value)
{
        for (size_t i = 0; i < fetch->wanted_count; i++)
                if (header_is(name, fetch->wanted[i].name))
                        snprintf(fetch->wanted[i].value, sizeof(fetch->wanted[i].value), STR_FMT,
                                 STR_ARG(value));
}

/* Answers that lead on to another have headers too. */
static void note_encoding(struct http_transfer *transfer, struct str line)
{
        struct str name;

        if (str_starts_with(line, STR_LIT("HTTP/")))
                transfer->packed = false;
        if (str_cut(&line, ':', &name) && header_is(name, "content-encoding"))
                transfer->packed = header_is(str_trim(line), "gzip");
}

/* A body announced as too large is refused before any of it is read. */
static size_t on_header(char *data, size_t size, size_t count, void *ctx)
{
        struct http_transfer *transfer = ctx;
        struct str line = str_trim(str_make(data, size * count)), name;
        struct str value = line;
        unsigned long long announced;
        char number[32];

        note_encoding(transfer, line);
        if (!str_cut(&value, ':', &name) || !value.data)
                return size * count;
        value = str_trim(value);
        keep_wanted(transfer->fetch, name, value);
        if (!header_is(name, "content-length"))
                return size * count;
        snprintf(number, sizeof(number), STR_FMT, STR_ARG(value));
        announced = strtoull(number, NULL, 10);
        if (announced > transfer->fetch->body.max_bytes) {
                transfer->fetch->body.overflow = true;
                return 0;
        }
        /* Of more than this, only what has come is believed. */
        buf_reserve(&transfer->fetch->body, announced < READ_AHEAD_BYTES ? announced
                                                                         : READ_AHEAD_BYTES);
        return size * count;
}

static struct curl_slist *append_header(struct http_transfer *transfer, struct curl_slist *list,
                                        struct str name, struct str value)
{
        return curl_slist_append(list, arena_printf(&transfer->arena, STR_FMT "%s" STR_FMT,
                                                    STR_ARG(name), value.len ? ": " : ";",
                                                    STR_ARG(value)));
}

static void add_header(struct http_transfer *transfer, struct str name, struct str value)
{
        transfer->headers = append_header(transfer, transfer->headers, name, value);
}

static bool read_secret_file(struct http_transfer *transfer, struct str path, struct str *ret,
                             struct error *err)
{
        struct buf secret CLEANUP(buf_release) = BUF_INIT(SECRET_MAX_BYTES);

        if (!file_read_all(cstring(transfer, path), &secret, err))
                return false;
        *ret = arena_str(&transfer->arena, str_trim(buf_str(&secret)));
        return true;
}

static bool set_credentials(struct http_transfer *transfer, struct error *err)
{
        const struct http_client_options *options = transfer->fetch->options;
        struct str name, secret;

        if (options->basic_username.len || options->basic_username_file.len ||
            options->basic_password.len || options->basic_password_file.len) {
                name = options->basic_username;
                secret = options->basic_password;
                if ((options->basic_username_file.len &&
                     !read_secret_file(transfer, options->basic_username_file, &name, err)) ||
                    (options->basic_password_file.len &&
                     !read_secret_file(transfer, options->basic_password_file, &secret, err)))
                        return false;
                curl_easy_setopt(transfer->easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
                curl_easy_setopt(transfer->easy, CURLOPT_USERNAME,
                                 name.len ? cstring(transfer, name) : "");
                curl_easy_setopt(transfer->easy, CURLOPT_PASSWORD,
                                 secret.len ? cstring(transfer, secret) : "");
        }
        if (options->authorization_credentials.len ||
            options->authorization_credentials_file.len) {
                struct str type = options->authorization_type;

                secret = options->authorization_credentials;
                if (options->authorization_credentials_file.len &&
                    !read_secret_file(transfer, options->authorization_credentials_file, &secret,
                                      err))
                        return false;
                if (!type.len)
                        type = STR_LIT("Bearer");
                add_header(transfer, STR_LIT("Authorization"),
                           str_from(arena_printf(&transfer->arena, STR_FMT " " STR_FMT,
                                                 STR_ARG(type), STR_ARG(secret))));
        }
        return true;
}

static void close_fd(void *fd)
{
        close((int)(intptr_t)fd);
}

/* libcurl with GnuTLS takes certificates and keys only as files: inline ones get a file in
 * memory, which lives as long as the transfer. */
static const char *file_of(struct http_transfer *transfer, struct str path, struct str inline_pem)
{
        int fd;

        if (path.len || !inline_pem.len)
                return cstring(transfer, path);
        fd = memfd_create("pem", MFD_CLOEXEC);
        if (fd < 0)
                return NULL;
        arena_on_release(&transfer->arena, close_fd, (void *)(intptr_t)fd);
        if (write(fd, inline_pem.data, inline_pem.len) != (ssize_t)inline_pem.len)
                return NULL;
        return arena_printf(&transfer->arena, "/proc/self/fd/%d", fd);
}

static void set_file(struct http_transfer *transfer, CURLoption option, struct str path,
                     struct str inline_pem)
{
        const char *file = file_of(transfer, path, inline_pem);

        if (file)
                curl_easy_setopt(transfer->easy, option, file);
}

static long tls_version(struct str name, bool is_maximum)
{
        static const struct {
                const char *name;
                long minimum, maximum;
        } versions[] = {
                {"TLS10", CURL_SSLVERSION_TLSv1_0, CURL_SSLVERSION_MAX_TLSv1_0},
                {"TLS11", CURL_SSLVERSION_TLSv1_1, CURL_SSLVERSION_MAX_TLSv1_1},
                {"TLS12", CURL_SSLVERSION_TLSv1_2, CURL_SSLVERSION_MAX_TLSv1_2},
                {"TLS13", CURL_SSLVERSION_TLSv1_3, CURL_SSLVERSION_MAX_TLSv1_3},
        };

        for (size_t i = 0; i < ARRAY_LEN(versions); i++)
                if (str_is(name, versions[i].name))
                        return is_maximum ? versions[i].maximum : versions[i].minimum;
        return is_maximum ? CURL_SSLVERSION_MAX_DEFAULT : CURL_SSLVERSION_TLSv1_2;
}

/* The port of a URL, for the connect-to rule that a server name needs. */
static void set_tls_server_name(struct http_transfer *transfer)
{
        const struct http_client_options *options = transfer->fetch->options;
        CURLU *url = curl_url();
        char *host = NULL, *port = NULL, *changed = NULL;

        if (curl_url_set(url, CURLUPART_URL, cstring(transfer, transfer->fetch->url), 0) == 0 &&
            curl_url_get(url, CURLUPART_HOST, &host, 0) == 0 &&
            curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == 0 &&
            curl_url_set(url, CURLUPART_HOST, cstring(transfer, options->tls_server_name), 0) ==
                    0 &&
            curl_url_get(url, CURLUPART_URL, &changed, 0) == 0) {
                const char *rule = arena_printf(&transfer->arena, STR_FMT ":%s:%s:%s",
                                                STR_ARG(options->tls_server_name), port, host,
                                                port);
                struct curl_slist *rules = curl_slist_append(NULL, rule);

                add_header(transfer, STR_LIT("Host"),
                           str_from(arena_printf(&transfer->arena, "%s:%s", host, port)));
                curl_easy_setopt(transfer->easy, CURLOPT_URL, changed);
                curl_easy_setopt(transfer->easy, CURLOPT_CONNECT_TO, rules);
                arena_on_release(&transfer->arena, (void (*)(void *))curl_slist_free_all, rules);
        }
        curl_free(host);
        curl_free(port);
        curl_free(changed);
        curl_url_cleanup(url);
}

static void set_tls(struct http_transfer *transfer)
{
        const struct http_client_options *options = transfer->fetch->options;

        set_file(transfer, CURLOPT_CAINFO, options->tls_ca_file, options->tls_ca);
        set_file(transfer, CURLOPT_SSLCERT, options->tls_cert_file, options->tls_cert);
        set_file(transfer, CURLOPT_SSLKEY, options->tls_key_file, options->tls_key);
        curl_easy_setopt(transfer->easy, CURLOPT_SSLVERSION,
                         tls_version(options->tls_min_version, false) |
                                 tls_version(options->tls_max_version, true));
        if (options->tls_insecure_skip_verify) {
                curl_easy_setopt(transfer->easy, CURLOPT_SSL_VERIFYPEER, 0L);
                curl_easy_setopt(transfer->easy, CURLOPT_SSL_VERIFYHOST, 0L);
        }
        if (options->tls_server_name.len)
                set_tls_server_name(transfer);
}

static void set_proxy(struct http_transfer *transfer)
{
        const struct http_client_options *options = transfer->fetch->options;
        struct curl_slist *headers = NULL;

        for (size_t i = 0; i < options->proxy_header_count; i++)
                headers = append_header(transfer, headers, options->proxy_headers[i].name,
                                        options->proxy_headers[i].value);
        if (headers) {
                curl_easy_setopt(transfer->easy, CURLOPT_PROXYHEADER, headers);
                arena_on_release(&transfer->arena, (void (*)(void *))curl_slist_free_all, headers);
        }
        if (options->proxy_url.len) {
                curl_easy_setopt(transfer->easy, CURLOPT_PROXY,
                                 cstring(transfer, options->proxy_url));
                curl_easy_setopt(transfer->easy, CURLOPT_NOPROXY,
                                 options->no_proxy.len ? cstring(transfer, options->no_proxy)
                                                       : "");
        } else if (!options->proxy_from_environment) {
                curl_easy_setopt(transfer->easy, CURLOPT_PROXY, "");
        }
}

static void set_request(struct http_transfer *transfer)
{
        const struct http_fetch *fetch = transfer->fetch;

        if (fetch->request_body.len || str_is(fetch->method, "POST")) {
                curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                                 (curl_off_t)fetch->request_body.len);
                curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDS,
                                 fetch->request_body.len ? fetch->request_body.data : "");
                /* No "Expect: 100-continue": it costs a round trip. */
                transfer->headers = curl_slist_append(transfer->headers, "Expect:");
        }
        if (fetch->method.len)
                curl_easy_setopt(transfer->easy, CURLOPT_CUSTOMREQUEST,
                                 cstring(transfer, fetch->method));
        if (fetch->options->unix_socket.len)
                curl_easy_setopt(transfer->easy, CURLOPT_UNIX_SOCKET_PATH,
                                 cstring(transfer, fetch->options->unix_socket));
}

static bool prepare(struct http_transfer *transfer, struct error *err)
{
        struct http_fetch *fetch = transfer->fetch;
        const struct http_client_options *options = fetch->options;
        CURL *easy = transfer->easy;

        transfer->started_ns = clock_mono_ns(&clock_real);
        curl_easy_setopt(easy, CURLOPT_URL, cstring(transfer, fetch->url));
        curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, (long)options->follow_redirects);
        curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                         options->enable_http2 ? (long)CURL_HTTP_VERSION_2TLS
                                               : (long)CURL_HTTP_VERSION_1_1);
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)fetch->timeout_ms);
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)RECEIVE_BYTES);
        /* A name server that does not answer is not waited for when the transfer is given up. */
        curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
        /* Names are asked for at every connect: libcurl looks through all it remembers at every
         * transfer. */
        curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
        curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->curl_error);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
        curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
        curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
        curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
        curl_easy_setopt(easy, CURLOPT_USERAGENT, "Pitwall/" PITWALL_VERSION);
        if (fetch->accept_gzip)
                add_header(transfer, STR_LIT("Accept-Encoding"), STR_LIT("gzip"));
        set_tls(transfer);
        set_proxy(transfer);
        set_request(transfer);
        if (transfer->token.len)
                add_header(transfer, STR_LIT("Authorization"), transfer->token);
        for (size_t i = 0; i < options->header_count; i++) {
                const struct http_header *header = &options->headers[i];
                struct str value = header->value;

                if (header->in_file && !read_secret_file(transfer, value, &value, err))
                        return false;
                add_header(transfer, header->name, value);
        }
        for (size_t i = 0; i < fetch->header_count; i++)
                add_header(transfer, fetch->headers[i].name, fetch->headers[i].value);
        if (!set_credentials(transfer, err))
                return false;
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
        return true;
}

static struct http_transfer *transfer_make(void)
{
        struct http_transfer *transfer = alloc_new(&http_transfer_type, sizeof(*transfer));

        transfer->easy = curl_easy_init();
        BUG_ON(!transfer->easy);
        arena_init(&transfer->arena, ARENA_BYTES);
        return transfer;
}

static void transfer_destroy(struct http_transfer *transfer)
{
        curl_easy_cleanup(transfer->easy);
        curl_slist_free_all(transfer->headers);
        arena_release(&transfer->arena);
        alloc_free(&http_transfer_type, transfer);
}

/* Forgets everything but what is costly to make. */
static void transfer_reset(struct http_transfer *transfer)
{
        curl_easy_reset(transfer->easy);
        curl_slist_free_all(transfer->headers);
        arena_reset(&transfer->arena);
        *transfer = (struct http_transfer){.easy = transfer->easy, .arena = transfer->arena};
}

static struct http_transfer *take_spare(struct http_client *client)
{
        struct http_transfer *transfer;

        pthread_mutex_lock(&client->lock);
        transfer = client->spare;
        if (transfer) {
                client->spare = transfer->next;
                client->spare_count--;
                transfer->next = NULL;
        }
        pthread_mutex_unlock(&client->lock);
        return transfer;
}

static void give_back(struct http_client *client, struct http_transfer *transfer)
{
        bool keep;

        transfer_reset(transfer);
        pthread_mutex_lock(&client->lock);
        keep = client->spare_count < SPARE_TRANSFERS;
        if (keep) {
                transfer->next = client->spare;
                client->spare = transfer;
                client->spare_count++;
        }
        pthread_mutex_unlock(&client->lock);
        if (!keep)
                transfer_destroy(transfer);
}

static struct http_transfer *transfer_new(struct http_client *client, struct http_fetch *fetch)
{
        struct http_transfer *transfer = client ? take_spare(client) : NULL;

        if (!transfer)
                transfer = transfer_make();
        transfer->fetch = fetch;
        transfer->client = client;
        fetch->transfer = transfer;
        fetch->status = 0;
        fetch->failed = false;
        fetch->content_type[0] = '\0';
        for (size_t i = 0; i < fetch->wanted_count; i++)
                fetch->wanted[i].value[0] = '\0';
        buf_clear(&fetch->body);
        return transfer;
}

static void transfer_free(struct http_transfer *transfer)
{
        if (transfer->client)
                give_back(transfer->client, transfer);
        else
                transfer_destroy(transfer);
}

static void describe_limit(struct http_fetch *fetch)
{
        error_set(&fetch->err, ERROR_LIMIT, "body size limit of %zu bytes exceeded",
                  fetch->body.max_bytes);
}

static void describe_failure(struct http_transfer *transfer, CURLcode result)
{
        struct http_fetch *fetch = transfer->fetch;
        const char *text = transfer->curl_error[0] ? transfer->curl_error
                                                   : curl_easy_strerror(result);

        fetch->failed = true;
        if (fetch->body.overflow)
                describe_limit(fetch);
        else if (result == CURLE_OPERATION_TIMEDOUT)
                error_set(&fetch->err, ERROR_TIMEOUT, "context deadline exceeded (%s)", text);
        else
                error_set(&fetch->err, ERROR_NETWORK, "%s", text);
}

/* At once, which takes half of the time that libcurl takes as it comes. */
static void unpack(struct http_fetch *fetch)
{
        struct buf plain = BUF_INIT(fetch->body.max_bytes);

        fetch->failed = !gzip_decompress(buf_str(&fetch->body), &plain, &fetch->err);
        if (fetch->failed && fetch->err.code == ERROR_LIMIT)
                describe_limit(fetch);
        buf_release(&fetch->body);
        fetch->body = plain;
}

/* Fills the answer, lets go of curl's side and calls done(). */
static void finish(struct http_transfer *transfer, CURLcode result)
{
        struct http_fetch *fetch = transfer->fetch;
        char *content_type = NULL;
        long status = 0;

        fetch->duration_ns = clock_mono_ns(&clock_real) - transfer->started_ns;
        curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_TYPE, &content_type);
        fetch->status = (int)status;
        if (content_type)
                snprintf(fetch->content_type, sizeof(fetch->content_type), "%s", content_type);
        if (result != CURLE_OK && !fetch->failed)
                describe_failure(transfer, result);
        if (transfer->packed && !fetch->failed && fetch->body.len)
                unpack(fetch);
        fetch->transfer = NULL;
        transfer_free(transfer);
        fetch->done(fetch);
}

/* Once a second libcurl asks the system about every idle connection it could take, which at a
 * thousand targets costs more than fetching: each group has connections of its own. */
static void join_group(struct http_client *client, struct http_transfer *transfer)
{
        unsigned group = transfer->fetch->group;
        CURLSH **connections;

        /* A handle that was used before still has the group of then. */
        if (!group) {
                curl_easy_setopt(transfer->easy, CURLOPT_SHARE, NULL);
                return;
        }
        connections = &client->groups[(group - 1) % HTTP_FETCH_GROUPS];
        if (!*connections) {
                *connections = curl_share_init();
                BUG_ON(!*connections);
                curl_share_setopt(*connections, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT);
        }
        curl_easy_setopt(transfer->easy, CURLOPT_SHARE, *connections);
}

static void begin_with_token(struct http_client *client, struct http_transfer *transfer)
{
        if (!prepare(transfer, &transfer->fetch->err)) {
                transfer->fetch->failed = true;
                finish(transfer, CURLE_FAILED_INIT);
                return;
        }
        join_group(client, transfer);
        BUG_ON(curl_multi_add_handle(client->multi, transfer->easy) != CURLM_OK);
        transfer->previous = NULL;
        transfer->next = client->active;
        if (client->active)
                client->active->previous = transfer;
        client->active = transfer;
}

/* A token came, or did not: goes on with those who waited for it. On the client's thread. */
static void on_token(struct http_token_request *request)
{
        struct http_client *client = request->ctx;
        struct http_transfer *waiting = request->waiting;

        while (waiting) {
                struct http_transfer *transfer = waiting;

                waiting = transfer->next;
                if (request->failed) {
                        transfer->fetch->failed = true;
                        transfer->fetch->err = request->err;
                        finish(transfer, CURLE_LOGIN_DENIED);
                } else {
                        transfer->token = arena_str(&transfer->arena, request->token);
                        begin_with_token(client, transfer);
                }
        }
}

static void begin(struct http_client *client, struct http_transfer *transfer)
{
        const struct http_oauth2 *oauth2 = transfer->fetch->options->oauth2;
        struct http_token_request *request;

        if (!oauth2 || oauth2_token_find(oauth2, &transfer->arena, &transfer->token)) {
                begin_with_token(client, transfer);
                return;
        }
        request = client->token_requests;
        while (request && request->oauth2 != oauth2)
                request = request->next;
        if (request) {
                transfer->next = request->waiting;
                request->waiting = transfer;
                return;
        }
        transfer->next = NULL;
        request = oauth2_request_new(oauth2, transfer->fetch->timeout_ms);
        request->waiting = transfer;
        request->ctx = client;
        request->next = client->token_requests;
        client->token_requests = request;
        request->fetch.done = on_token_fetched;
        request->fetch.ctx = request;
        http_client_start(client, &request->fetch);
}

static void on_token_fetched(struct http_fetch *fetch)
{
        struct http_token_request *request = fetch->ctx;
        struct http_client *client = request->ctx;
        struct http_token_request **at = &client->token_requests;

        while (*at != request)
                at = &(*at)->next;
        *at = request->next;
        oauth2_request_finish(request);
        on_token(request);
        oauth2_request_free(request);
}

static void end(struct http_client *client, struct http_transfer *transfer, CURLcode result)
{
        curl_multi_remove_handle(client->multi, transfer->easy);
        if (transfer->previous)
                transfer->previous->next = transfer->next;
        else
                client->active = transfer->next;
        if (transfer->next)
                transfer->next->previous = transfer->previous;
        finish(transfer, result);
}

static void begin_queued(struct http_client *client)
{
        struct http_transfer *queue;

        pthread_mutex_lock(&client->lock);
        queue = TAKE(client->queue);
        pthread_mutex_unlock(&client->lock);
        while (queue) {
                struct http_transfer *transfer = queue;

                queue = transfer->next;
                begin(client, transfer);
        }
}

static void finish_completed(struct http_client *client)
{
        CURLMsg *message;
        int left;

        while ((message = curl_multi_info_read(client->multi, &left))) {
                struct http_transfer *transfer;
                CURLcode result = message->data.result;

                if (message->msg != CURLMSG_DONE)
                        continue;
                curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
                end(client, transfer, result);
        }
}

static void cancel_all(struct http_client *client)
{
        /* What waits for a token is begun by the end of the token's own request. */
        do {
                begin_queued(client);
                while (client->active) {
                        struct http_fetch *fetch = client->active->fetch;

                        fetch->failed = true;
                        error_set(&fetch->err, ERROR_CANCELED, "the client is stopping");
                        end(client, client->active, CURLE_ABORTED_BY_CALLBACK);
                }
        } while (client->token_requests);
}

static void *client_main(void *arg)
{
        struct http_client *client = arg;
        int running = 0;

        /* The longest nap; new work and stopping wake the thread at once. */
        enum { NAP_MS = 1000 };
        while (!atomic_load(&client->stopping)) {
                struct timespec gather = {.tv_nsec = atomic_load(&client->gather_ns)};

                begin_queued(client);
                curl_multi_perform(client->multi, &running);
                finish_completed(client);
                curl_multi_poll(client->multi, NULL, 0, NAP_MS, NULL);
                if (gather.tv_nsec)
                        nanosleep(&gather, NULL);
        }
        cancel_all(client);
        return NULL;
}

struct http_client *http_client_new(const char *thread_name)
{
        struct http_client *client = alloc_new(&http_client_type, sizeof(*client));

        init_curl_once();
        client->multi = curl_multi_init();
        BUG_ON(!client->multi);
        curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)IDLE_CONNECTIONS_MAX);
        pthread_mutex_init(&client->lock, NULL);
        thread_start(&client->thread, thread_name, client_main, client);
        return client;
}

void http_client_set_gather(struct http_client *client, int64_t gather_ns)
{
        atomic_store(&client->gather_ns, gather_ns);
}

struct http_client *http_client_free(struct http_client *client)
{
        if (!client)
                return NULL;
        atomic_store(&client->stopping, true);
        curl_multi_wakeup(client->multi);
        pthread_join(client->thread, NULL);
        while (client->spare)
                transfer_destroy(take_spare(client));
        curl_multi_cleanup(client->multi);
        for (size_t i = 0; i < HTTP_FETCH_GROUPS; i++)
                curl_share_cleanup(client->groups[i]);
        pthread_mutex_destroy(&client->lock);
        return alloc_free(&http_client_type, client);
}

void http_client_start(struct http_client *client, struct http_fetch *fetch)
{
        struct http_transfer *transfer = transfer_new(client, fetch);
        bool first;

        pthread_mutex_lock(&client->lock);
        first = !client->queue;
        transfer->next = client->queue;
        client->queue = transfer;
        pthread_mutex_unlock(&client->lock);
        if (first)
                curl_multi_wakeup(client->multi);
}

static void ignore_done(struct http_fetch *fetch)
{
        (void)fetch;
}

static bool wait_for_token(struct http_transfer *transfer)
{
        const struct http_oauth2 *oauth2 = transfer->fetch->options->oauth2;
        struct http_token_request *request;
        bool ok;

        if (!oauth2 || oauth2_token_find(oauth2, &transfer->arena, &transfer->token))
                return true;
        request = oauth2_request_new(oauth2, transfer->fetch->timeout_ms);
        request->fetch.done = ignore_done;
        http_fetch_wait(&request->fetch);
        oauth2_request_finish(request);
        ok = !request->failed;
        if (ok)
                transfer->token = arena_str(&transfer->arena, request->token);
        else
                transfer->fetch->err = request->err;
        oauth2_request_free(request);
        return ok;
}

void http_fetch_wait(struct http_fetch *fetch)
{
        struct http_transfer *transfer;
        CURLcode result = CURLE_FAILED_INIT;

        init_curl_once();
        transfer = transfer_new(NULL, fetch);
        if (wait_for_token(transfer) && prepare(transfer, &fetch->err))
                result = curl_easy_perform(transfer->easy);
        else
                fetch->failed = true;
        finish(transfer, result);
}
