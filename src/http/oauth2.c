#include "http/oauth2_int.h"

#include <pthread.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/map.h"
#include "codec/json.h"
#include "http/server.h"

ALLOC_TYPE(oauth2_type, "http_oauth2")

enum { ANSWER_MAX_BYTES = 1 << 20, ARENA_BYTES = 4 << 20 };
/* A token that lives this short is asked for anew; as Go's oauth2 does. */
enum { EARLY_MS = 10000 };

struct token {
        char *key;    /* the credentials it was given for */
        char *header; /* "Bearer ..." */
        int64_t expires_ms; /* monotonic; INT64_MAX: never */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct map tokens; /* lock; key -> struct token */

static struct str key_of(const struct http_oauth2 *oauth2, struct arena *arena)
{
        return str_from(arena_printf(arena, STR_FMT "\n" STR_FMT "\n" STR_FMT "\n" STR_FMT "\n"
                                     STR_FMT, STR_ARG(oauth2->token_url),
                                     STR_ARG(oauth2->client_id), STR_ARG(oauth2->client_secret),
                                     STR_ARG(oauth2->client_secret_file),
                                     STR_ARG(oauth2->scopes)));
}

static int64_t now_ms(void)
{
        return clock_mono_ns(&clock_real) / 1000000;
}

bool oauth2_token_find(const struct http_oauth2 *oauth2, struct arena *arena, struct str *ret)
{
        struct str key = key_of(oauth2, arena);
        const struct token *token;
        bool found;

        pthread_mutex_lock(&lock);
        token = map_get(&tokens, key);
        found = token && token->expires_ms - EARLY_MS > now_ms();
        if (found)
                *ret = arena_str(arena, str_from(token->header));
        pthread_mutex_unlock(&lock);
        return found;
}

static void keep(const struct http_token_request *request, int64_t lifetime_s)
{
        struct arena arena;
        struct token *token;
        struct str key;

        arena_init(&arena, ARENA_BYTES);
        key = key_of(request->oauth2, &arena);
        pthread_mutex_lock(&lock);
        token = map_get(&tokens, key);
        if (!token) {
                token = alloc_new(&oauth2_type, sizeof(*token));
                token->key = alloc_strdup(&oauth2_type, key.data, key.len);
                map_put(&tokens, str_make(token->key, key.len), token);
        }
        alloc_free(&oauth2_type, token->header);
        token->header = alloc_strdup(&oauth2_type, request->token.data, request->token.len);
        token->expires_ms = lifetime_s > 0 ? now_ms() + lifetime_s * 1000 : INT64_MAX;
        pthread_mutex_unlock(&lock);
        arena_release(&arena);
}

/* ---- requests ------------------------------------------------------------------------------- */

static void put_param(struct buf *out, struct str name, struct str value)
{
        if (!value.len)
                return;
        if (out->len)
                buf_append_byte(out, '&');
        http_url_encode(out, name);
        buf_append_byte(out, '=');
        http_url_encode(out, value);
}

static struct str read_secret(struct http_token_request *request)
{
        const struct http_oauth2 *oauth2 = request->oauth2;
        struct buf text CLEANUP(buf_release) = BUF_INIT(ANSWER_MAX_BYTES);

        if (!oauth2->client_secret_file.len)
                return oauth2->client_secret;
        if (!file_read_all(arena_str(&request->arena, oauth2->client_secret_file).data, &text,
                           NULL))
                return STR_LIT("");
        return arena_str(&request->arena, str_trim(buf_str(&text)));
}

struct http_token_request *oauth2_request_new(const struct http_oauth2 *oauth2,
                                              int64_t timeout_ms)
{
        struct http_token_request *request = alloc_new(&oauth2_type, sizeof(*request));
        struct buf form CLEANUP(buf_release) = BUF_INIT(ANSWER_MAX_BYTES);
        struct http_client_options *options;
        struct http_header *type;

        request->oauth2 = oauth2;
        arena_init(&request->arena, ARENA_BYTES);
        put_param(&form, STR_LIT("grant_type"), STR_LIT("client_credentials"));
        put_param(&form, STR_LIT("scope"), oauth2->scopes);
        for (size_t i = 0; i < oauth2->param_count; i++)
                put_param(&form, oauth2->params[i].name, oauth2->params[i].value);
        options = arena_new(&request->arena, struct http_client_options);
        *options = *oauth2->http;
        options->basic_username = oauth2->client_id;
        options->basic_password = read_secret(request);
        type = arena_new(&request->arena, struct http_header);
        *type = (struct http_header){STR_LIT("Content-Type"),
                                     STR_LIT("application/x-www-form-urlencoded")};
        request->fetch = (struct http_fetch){
                .options = options,
                .url = oauth2->token_url,
                .request_body = arena_str(&request->arena, buf_str(&form)),
                .headers = type,
                .header_count = 1,
                .timeout_ms = timeout_ms,
                .body = BUF_INIT(ANSWER_MAX_BYTES),
        };
        return request;
}

static bool read_answer(struct http_token_request *request)
{
        const struct json_value *token, *type, *lifetime;
        struct error *err = &request->err;
        struct json_value *root;

        if (request->fetch.failed) {
                *err = request->fetch.err;
                return false;
        }
        if (request->fetch.status / 100 != 2)
                return error_set(err, ERROR_NETWORK, "cannot fetch token: %d %.200s",
                                 request->fetch.status,
                                 request->fetch.body.data ? request->fetch.body.data : "");
        if (!json_parse(&request->arena, buf_str(&request->fetch.body), &root, err))
                return error_prefix(err, "cannot parse token");
        token = json_find(root, "access_token");
        type = json_find(root, "token_type");
        lifetime = json_find(root, "expires_in");
        if (!token || token->kind != JSON_STRING || !token->text.len)
                return error_set(err, ERROR_NETWORK, "server response missing access_token");
        request->token = str_from(arena_printf(
                &request->arena, "%s " STR_FMT,
                type && type->kind == JSON_STRING && type->text.len &&
                                strncasecmp(type->text.data, "bearer", 6) != 0
                        ? type->text.data : "Bearer",
                STR_ARG(token->text)));
        keep(request, lifetime && lifetime->kind == JSON_NUMBER ? (int64_t)lifetime->number : 0);
        return true;
}

void oauth2_request_finish(struct http_token_request *request)
{
        request->failed = !read_answer(request);
        if (request->failed)
                error_prefix(&request->err, "oauth2");
}

void oauth2_request_free(struct http_token_request *request)
{
        buf_release(&request->fetch.body);
        arena_release(&request->arena);
        alloc_free(&oauth2_type, request);
}
