/* /etc/os-release, or /usr/lib/os-release: see os-release(5). */

#include "codec/double.h"
#include "collectors/host_int.h"

static struct str find_key(struct str rest, const char *key)
{
        struct str line, name;

        while (str_cut(&rest, '\n', &line)) {
                if (!str_cut(&line, '=', &name) || !line.data || !str_is(str_trim(name), key))
                        continue;
                line = str_trim(line);
                if (line.len > 1 && (line.data[0] == '"' || line.data[0] == '\'') &&
                    line.data[line.len - 1] == line.data[0])
                        line = str_slice(line, 1, line.len - 1);
                return line;
        }
        return STR_LIT("");
}

/* "22.04.3" is 22.04: digits, a point, digits. */
static bool leading_number(struct str text, double *ret)
{
        size_t len = 0;
        bool point = false;

        while (len < text.len && ((text.data[len] >= '0' && text.data[len] <= '9') ||
                                  (text.data[len] == '.' && !point))) {
                point |= text.data[len] == '.';
                len++;
        }
        return double_parse(str_slice(text, 0, len), ret);
}

bool host_collect_os(struct host_table *out, struct error *err)
{
        static const char *const keys[][2] = {
                {"build_id", "BUILD_ID"},       {"id", "ID"},
                {"id_like", "ID_LIKE"},         {"image_id", "IMAGE_ID"},
                {"image_version", "IMAGE_VERSION"}, {"name", "NAME"},
                {"pretty_name", "PRETTY_NAME"}, {"variant", "VARIANT"},
                {"variant_id", "VARIANT_ID"},   {"version", "VERSION"},
                {"version_codename", "VERSION_CODENAME"}, {"version_id", "VERSION_ID"},
        };
        struct buf text CLEANUP(buf_release) = {0};
        struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);
        struct buf version CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);
        double number;

        if (!host_read(&text, "/etc/os-release", NULL) &&
            !host_read(&text, "/usr/lib/os-release", err))
                return false;
        for (size_t i = 0; i < ARRAY_LEN(keys); i++)
                host_label(&labels, keys[i][0], find_key(buf_str(&text), keys[i][1]));
        host_family(out, "node_os_info", "gauge",
                    "A metric with a constant '1' value labeled by build_id, id, id_like, "
                    "image_id, image_version, name, pretty_name, variant, variant_id, version, "
                    "version_codename, version_id.");
        host_sample(out, labels.data, 1);
        if (!leading_number(find_key(buf_str(&text), "VERSION_ID"), &number))
                return true;
        host_label(&version, "id", find_key(buf_str(&text), "ID"));
        host_label(&version, "id_like", find_key(buf_str(&text), "ID_LIKE"));
        host_label(&version, "name", find_key(buf_str(&text), "NAME"));
        host_family(out, "node_os_version", "gauge",
                    "Metric containing the major.minor part of the OS version.");
        host_sample(out, version.data, number);
        return true;
}
