#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "collectors/dns_int.h"

enum { CONFIG_MAX_BYTES = 1 << 20, TIMEOUT_MS = 2000, DOTS_DEFAULT = 1, DOTS_MAX = 15 };
/* How long a stop may wait for a name server. */
enum { POLL_MS = 50 };

/* ---- resolv.conf ----------------------------------------------------------------------------- */

static bool next_word(struct str *line, struct str *ret_word)
{
        size_t start = 0, end;

        while (start < line->len && (line->data[start] == ' ' || line->data[start] == '\t'))
                start++;
        end = start;
        while (end < line->len && line->data[end] != ' ' && line->data[end] != '\t')
                end++;
        *ret_word = str_slice(*line, start, end);
        *line = str_slice(*line, end, line->len);
        return ret_word->len != 0;
}

static unsigned parse_dots(struct str text)
{
        unsigned dots = 0;

        for (size_t i = 0; i < text.len && text.data[i] >= '0' && text.data[i] <= '9'; i++)
                if (dots <= DOTS_MAX)
                        dots = dots * 10 + (unsigned)(text.data[i] - '0');
        return dots > DOTS_MAX ? DOTS_MAX : dots;
}

static void parse_line(struct str line, struct dns_config *config)
{
        struct str key, word;

        if (!next_word(&line, &key) || key.data[0] == '#' || key.data[0] == ';')
                return;
        if (str_is(key, "search") || str_is(key, "domain"))
                config->search_count = 0;
        while (next_word(&line, &word)) {
                if (str_is(key, "nameserver")) {
                        if (config->server_count < ARRAY_LEN(config->servers))
                                config->servers[config->server_count++] = word;
                        return;
                }
                if (str_is(key, "search") || str_is(key, "domain")) {
                        if (config->search_count < ARRAY_LEN(config->search))
                                config->search[config->search_count++] = word;
                } else if (str_is(key, "options") && str_starts_with(word, STR_LIT("ndots:"))) {
                        config->dots_min = parse_dots(str_slice(word, strlen("ndots:"), word.len));
                }
        }
}

void dns_config_parse(struct str text, struct dns_config *ret_config)
{
        struct str line;

        *ret_config = (struct dns_config){.dots_min = DOTS_DEFAULT};
        while (str_cut(&text, '\n', &line))
                parse_line(str_trim(line), ret_config);
}

/* ---- one question to one server -------------------------------------------------------------- */

struct exchange {
        int fd;
        int64_t until_ns; /* monotonic */
        bool (*is_stopping)(void *ctx);
        void *ctx;
};

static void close_exchange(struct exchange *exchange)
{
        if (exchange->fd >= 0)
                close(exchange->fd);
}

static bool wait_for(struct exchange *exchange, short events, struct error *err)
{
        struct pollfd poll_fd = {.fd = exchange->fd, .events = events};

        for (;;) {
                if (exchange->is_stopping(exchange->ctx))
                        return error_set(err, ERROR_CANCELED, "stopping");
                if (clock_mono_ns(&clock_real) >= exchange->until_ns)
                        return error_set(err, ERROR_TIMEOUT, "i/o timeout");
                if (poll(&poll_fd, 1, POLL_MS) > 0)
                        return true;
        }
}

static bool fail_errno(struct error *err, const char *what)
{
        char text[128];

        return error_set(err, ERROR_NETWORK, "%s: %s", what,
                         strerror_r(errno, text, sizeof(text)));
}

static bool open_exchange(struct exchange *exchange, struct arena *arena, struct str server,
                          bool tcp, struct error *err)
{
        struct addrinfo *found, hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                                         .ai_socktype = tcp ? SOCK_STREAM : SOCK_DGRAM};
        int rc = getaddrinfo(arena_str(arena, server).data, "53", &hints, &found);

        if (rc)
                return error_set(err, ERROR_INVALID, "%s", gai_strerror(rc));
        exchange->fd = socket(found->ai_family, found->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                              0);
        rc = exchange->fd < 0 ? -1 : connect(exchange->fd, found->ai_addr, found->ai_addrlen);
        freeaddrinfo(found);
        if (rc && errno != EINPROGRESS)
                return fail_errno(err, "connect");
        return wait_for(exchange, POLLOUT, err);
}

static bool send_all(struct exchange *exchange, struct str bytes, struct error *err)
{
        while (bytes.len) {
                ssize_t sent = send(exchange->fd, bytes.data, bytes.len, MSG_NOSIGNAL);

                if (sent < 0 && errno != EAGAIN && errno != EINTR)
                        return fail_errno(err, "write");
                if (sent > 0)
                        bytes = str_slice(bytes, (size_t)sent, bytes.len);
                else if (!wait_for(exchange, POLLOUT, err))
                        return false;
        }
        return true;
}

/* At most len bytes. */
static bool receive(struct exchange *exchange, struct buf *out, size_t len, struct error *err)
{
        for (;;) {
                ssize_t got;

                if (!wait_for(exchange, POLLIN, err))
                        return false;
                got = recv(exchange->fd, buf_reserve(out, len), len, 0);
                if (got > 0) {
                        out->len += (size_t)got;
                        return true;
                }
                if (got == 0)
                        return error_set(err, ERROR_NETWORK, "the server closed the connection");
                if (errno != EAGAIN && errno != EINTR)
                        return fail_errno(err, "read");
        }
}

static bool ask_udp(struct exchange *exchange, struct arena *arena, struct str question,
                    uint16_t id, struct dns_answer *ret_answer, struct error *err)
{
        struct buf message CLEANUP(buf_release) = BUF_INIT(DNS_MESSAGE_MAX_BYTES);

        if (!send_all(exchange, question, err))
                return false;
        for (;;) {
                buf_clear(&message);
                if (!receive(exchange, &message, DNS_MESSAGE_MAX_BYTES, err))
                        return false;
                if (dns_answer_parse(arena, buf_str(&message), id, ret_answer, err))
                        return true;
                /* What is no answer to this question is late, or forged: ours may still come. */
                if (err->code != ERROR_INVALID)
                        return false;
        }
}

static bool ask_tcp(struct exchange *exchange, struct arena *arena, struct str question,
                    uint16_t id, struct dns_answer *ret_answer, struct error *err)
{
        struct buf message CLEANUP(buf_release) = BUF_INIT(DNS_MESSAGE_MAX_BYTES + 2);
        const char length[2] = {(char)(question.len >> 8), (char)question.len};
        size_t want = 2;

        if (!send_all(exchange, str_make(length, 2), err) || !send_all(exchange, question, err))
                return false;
        while (message.len < want) {
                if (!receive(exchange, &message, want - message.len, err))
                        return false;
                if (message.len == 2 && want == 2)
                        want += (size_t)((uint8_t)message.data[0] << 8 | (uint8_t)message.data[1]);
        }
        return dns_answer_parse(arena, str_slice(buf_str(&message), 2, want), id, ret_answer, err);
}

/* ---- names ----------------------------------------------------------------------------------- */

struct search {
        struct arena *arena;
        struct dns_config config;
        enum dns_type type;
        bool (*is_stopping)(void *ctx);
        void *ctx;
};

static bool ask(const struct search *search, struct str server, struct str name, bool tcp,
                struct dns_answer *ret_answer, struct error *err)
{
        struct exchange exchange CLEANUP(close_exchange) = {
                .fd = -1,
                .until_ns = clock_mono_ns(&clock_real) + TIMEOUT_MS * 1000000LL,
                .is_stopping = search->is_stopping,
                .ctx = search->ctx,
        };
        struct buf question CLEANUP(buf_release) = BUF_INIT(1024);
        uint16_t id;

        BUG_ON(getrandom(&id, sizeof(id), 0) != sizeof(id));
        if (!dns_question_write(&question, id, name, search->type, !tcp, err) ||
            !open_exchange(&exchange, search->arena, server, tcp, err))
                return false;
        return tcp ? ask_tcp(&exchange, search->arena, buf_str(&question), id, ret_answer, err)
                   : ask_udp(&exchange, search->arena, buf_str(&question), id, ret_answer, err);
}

/* The first server that says yes or no. */
static bool ask_any(const struct search *search, struct str name, struct dns_answer *ret_answer,
                    struct error *err)
{
        error_set(err, ERROR_INVALID, "resolv.conf names no server");
        for (size_t i = 0; i < search->config.server_count; i++) {
                struct str server = search->config.servers[i];
                struct dns_answer answer;
                bool ok = ask(search, server, name, false, &answer, err);

                if (ok && answer.truncated)
                        ok = ask(search, server, name, true, &answer, err);
                if (ok && answer.truncated)
                        ok = error_set(err, ERROR_INVALID, "truncated answer over TCP");
                if (ok && answer.code != DNS_SUCCESS && answer.code != DNS_NO_SUCH_NAME)
                        ok = error_set(err, ERROR_NETWORK, "the server answered with code %u",
                                       answer.code);
                if (ok) {
                        *ret_answer = answer;
                        return true;
                }
                error_prefix(err, "could not resolve \"" STR_FMT "\" with server " STR_FMT,
                             STR_ARG(name), STR_ARG(server));
                if (err->code == ERROR_CANCELED)
                        break;
        }
        return false;
}

static size_t count_dots(struct str name)
{
        size_t dots = 0;

        for (size_t i = 0; i < name.len; i++)
                dots += name.data[i] == '.';
        return dots;
}

/* The names to try, in order, each with a dot at its end. */
static size_t list_names(const struct search *search, struct str name, struct str *names)
{
        struct arena *arena = search->arena;
        bool as_it_is_first = count_dots(name) >= search->config.dots_min;
        struct str absolute;
        size_t count = 0;

        if (str_ends_with(name, STR_LIT("."))) {
                names[0] = name;
                return 1;
        }
        absolute = str_from(arena_printf(arena, STR_FMT ".", STR_ARG(name)));
        if (as_it_is_first)
                names[count++] = absolute;
        for (size_t i = 0; i < search->config.search_count; i++)
                names[count++] = str_from(arena_printf(arena, STR_FMT STR_FMT "%s",
                                                       STR_ARG(absolute),
                                                       STR_ARG(search->config.search[i]),
                                                       str_ends_with(search->config.search[i],
                                                                     STR_LIT(".")) ? "" : "."));
        if (!as_it_is_first)
                names[count++] = absolute;
        return count;
}

bool dns_resolve(struct arena *arena, struct str name, enum dns_type type,
                 bool (*is_stopping)(void *ctx), void *ctx, struct dns_answer *ret_answer,
                 struct error *err)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(CONFIG_MAX_BYTES);
        struct search search = {.arena = arena, .type = type, .is_stopping = is_stopping,
                                .ctx = ctx};
        struct str names[ARRAY_LEN(search.config.search) + 1];
        bool nobody_failed = true;
        size_t count;

        if (!file_read_all("/etc/resolv.conf", &text, err))
                return error_prefix(err, "could not load resolv.conf");
        dns_config_parse(buf_str(&text), &search.config);
        count = list_names(&search, name, names);
        for (size_t i = 0; i < count && !is_stopping(ctx); i++) {
                struct dns_answer answer;

                if (!ask_any(&search, names[i], &answer, err)) {
                        nobody_failed = false;
                } else if (answer.code == DNS_SUCCESS) {
                        *ret_answer = answer;
                        return true;
                }
        }
        if (!nobody_failed || is_stopping(ctx))
                return is_stopping(ctx) ? error_set(err, ERROR_CANCELED, "stopping") : false;
        *ret_answer = (struct dns_answer){.code = DNS_NO_SUCH_NAME};
        return true;
}
