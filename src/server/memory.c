#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>

#include "server/memory_int.h"

static void lower_by_file(const char *path, uint64_t *limit_bytes)
{
        FILE *file = fopen(path, "re");
        unsigned long long value;

        if (!file)
                return;
        if (fscanf(file, "%llu", &value) == 1 && value < *limit_bytes)
                *limit_bytes = value;
        fclose(file);
}

/* cgroup v2: the limit of our group and of each group above it; v1: ours alone. */
static void lower_by_cgroups(uint64_t *limit_bytes)
{
        FILE *file = fopen("/proc/self/cgroup", "re");
        char line[1024], path[1200];

        if (!file)
                return;
        while (fgets(line, sizeof(line), file)) {
                char *group = strstr(line, "0::/");

                line[strcspn(line, "\n")] = '\0';
                if (group != line)
                        continue;
                group += strlen("0::");
                for (;;) {
                        char *slash = strrchr(group, '/');

                        snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.max", group);
                        lower_by_file(path, limit_bytes);
                        if (!slash)
                                break;
                        *slash = '\0';
                }
        }
        fclose(file);
        lower_by_file("/sys/fs/cgroup/memory/memory.limit_in_bytes", limit_bytes);
}

uint64_t memory_limit_bytes(void)
{
        uint64_t limit_bytes = UINT64_MAX;
        struct rlimit address_space;
        struct sysinfo info;

        if (sysinfo(&info) == 0)
                limit_bytes = (uint64_t)info.totalram * info.mem_unit;
        if (getrlimit(RLIMIT_AS, &address_space) == 0 &&
            address_space.rlim_cur != RLIM_INFINITY && address_space.rlim_cur < limit_bytes)
                limit_bytes = address_space.rlim_cur;
        lower_by_cgroups(&limit_bytes);
        return limit_bytes;
}
