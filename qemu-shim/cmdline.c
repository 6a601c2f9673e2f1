/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Command line */

#include "qemu-shim/cmdline.h"

#include <string.h>

#include "api/vblk-error.h"
#include "qemu-shim/monitor/image-name.h"
#include "qmp/value.h"

const char command_line_help[] =
    "usage: qemu-shim [option]...\n"
    "       qemu-shim create|info|check|compare|convert|map|bench ...   ('qemu-shim help' for these)\n"
    "\n"
    "Speaks QMP and HMP as QEMU does and runs block jobs on images, without a guest.\n"
    "\n"
    "  -blockdev JSON|KEY=VALUE,...   a block node; node-name and driver must be given\n"
    "  -drive KEY=VALUE,...           a device with id= on the image file= of format=\n"
    "  -object throttle-group,id=ID,KEY=VALUE,...   limits that throttle nodes share\n"
    "  -qmp DEV | -monitor DEV        a monitor on unix:PATH or tcp:HOST:PORT, with\n"
    "                                 server=on|off,wait=on|off; stdio or none for -monitor\n"
    "  -chardev socket,id=ID,path=PATH|host=HOST,port=PORT[,server=on|off][,wait=on|off]\n"
    "  -chardev stdio,id=ID\n"
    "  -mon chardev=ID[,mode=readline|control]\n"
    "  -S                             begin as if stopped\n"
    "  -name NAME   -pidfile FILE   -daemonize   -version   -help\n"
    "  -nodefaults -display X -vga X -machine X -accel X -m X -smp X   accepted, no effect\n";

/* One use of an option while the line is read. */
typedef gboolean (*TakeOption)(CommandLine *line, const char *value, GError **error);

static gboolean refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static gboolean
refuse(GError **error, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    g_propagate_error(error,
                      g_error_new_valist(VBLK_ERROR, VBLK_ERROR_INVALID_ARGUMENT, format, list));
    va_end(list);
    return FALSE;
}

/* "a=b,c=d" as an a{sv} of strings; ",," stands for a comma in a value. A first part without "="
 * is the value of @implied. */
static GVariant *
parse_key_values(const char *text, const char *implied, GError **error)
{
    g_auto(GVariantDict) dict = G_VARIANT_DICT_INIT(NULL);
    const char *at = text;

    while (*at != '\0') {
        g_autoptr(GString) part = g_string_new(NULL);
        char *equals;

        for (; *at != '\0' && !(at[0] == ',' && at[1] != ','); at++) {
            g_string_append_c(part, *at);
            if (at[0] == ',')
                at++;
        }
        if (*at == ',')
            at++;

        equals = strchr(part->str, '=');
        if (equals == NULL && implied == NULL) {
            refuse(error, "'%s' is not KEY=VALUE in '%s'", part->str, text);
            return NULL;
        }
        if (equals == NULL) {
            g_variant_dict_insert(&dict, implied, "s", part->str);
        } else {
            *equals = '\0';
            g_variant_dict_insert(&dict, part->str, "s", equals + 1);
        }
        implied = NULL;
    }

    return g_variant_ref_sink(g_variant_dict_end(&dict));
}

/* Removes @name from @dict; NULL where it is not there. */
static char *
take(GVariantDict *dict, const char *name)
{
    char *value = NULL;

    if (g_variant_dict_lookup(dict, name, "s", &value))
        g_variant_dict_remove(dict, name);
    return value;
}

static gboolean
check_empty(GVariantDict *dict, const char *option, GError **error)
{
    g_autoptr(GVariant) rest = g_variant_ref_sink(g_variant_dict_end(dict));
    g_autoptr(GVariant) entry = NULL;
    const char *name;

    if (g_variant_n_children(rest) == 0)
        return TRUE;

    entry = g_variant_get_child_value(rest, 0);
    g_variant_get_child(entry, 0, "&s", &name);
    return refuse(error, "%s: Invalid parameter '%s'", option, name);
}

static void
endpoint_free(Endpoint *endpoint)
{
    g_free(endpoint->id);
    g_free(endpoint->unix_path);
    g_free(endpoint->host);
    g_free(endpoint);
}

static void
drive_free(Drive *drive)
{
    g_free(drive->id);
    g_variant_unref(drive->options);
    g_free(drive);
}

static gboolean
take_server(GVariantDict *dict, Endpoint *endpoint, GError **error)
{
    g_autofree char *server = take(dict, "server");
    g_autofree char *wait = take(dict, "wait");
    g_autofree char *no_wait = take(dict, "nowait");

    endpoint->is_server = server != NULL && !g_str_equal(server, "off");
    if (server != NULL && !g_str_equal(server, "on") && !g_str_equal(server, "off") &&
        server[0] != '\0')
        return refuse(error, "server='%s' is neither on nor off", server);
    return TRUE;
}

static gboolean
parse_port(const char *text, guint16 *ret, GError **error)
{
    guint64 port;

    if (text == NULL || !g_ascii_string_to_unsigned(text, 10, 1, G_MAXUINT16, &port, NULL))
        return refuse(error, "'%s' is no port", text != NULL ? text : "");

    *ret = (guint16)port;
    return TRUE;
}

/* "unix:PATH", "tcp:HOST:PORT" or "stdio", then options; plain "server" and "nowait" are old. */
static Endpoint *
parse_device(const char *value, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(value, ",", -1);
    Endpoint *endpoint = g_new0(Endpoint, 1);
    const char *address = parts[0] != NULL ? parts[0] : "";
    const char *colon = strrchr(address, ':');
    gboolean is_good = TRUE;

    if (g_str_equal(address, "stdio")) {
        endpoint->is_stdio = TRUE;
    } else if (g_str_has_prefix(address, "unix:")) {
        endpoint->unix_path = g_strdup(address + strlen("unix:"));
    } else if (g_str_has_prefix(address, "tcp:") && colon > address + 3) {
        endpoint->host = g_strndup(address + 4, (gsize)(colon - address - 4));
        is_good = parse_port(colon + 1, &endpoint->port, error);
    } else {
        is_good = refuse(error, "'%s' is no monitor device: use unix:, tcp: or stdio", address);
    }

    for (guint i = 1; is_good && parts[0] != NULL && parts[i] != NULL; i++) {
        static const char *const off[] = {"server=off", "wait=off", "wait=on", "nowait", NULL};

        if (g_str_equal(parts[i], "server") || g_str_equal(parts[i], "server=on"))
            endpoint->is_server = TRUE;
        else if (!g_strv_contains(off, parts[i]))
            is_good = refuse(error, "Invalid parameter '%s' in '%s'", parts[i], value);
    }
    if (is_good)
        return endpoint;

    endpoint_free(endpoint);
    return NULL;
}

static void
add_monitor(CommandLine *line, Endpoint *endpoint, MonitorMode mode)
{
    Monitor *monitor = g_new0(Monitor, 1);

    monitor->endpoint = endpoint;
    monitor->mode = mode;
    g_ptr_array_add(line->monitors, monitor);
}

static gboolean
take_monitor_device(CommandLine *line, const char *value, MonitorMode mode, GError **error)
{
    Endpoint *endpoint;

    if (g_str_equal(value, "none") || g_str_equal(value, "null"))
        return TRUE;

    endpoint = parse_device(value, error);
    if (endpoint == NULL)
        return FALSE;
    g_ptr_array_add(line->endpoints, endpoint);
    add_monitor(line, endpoint, mode);
    return TRUE;
}

static gboolean
take_qmp(CommandLine *line, const char *value, GError **error)
{
    return take_monitor_device(line, value, MONITOR_QMP, error);
}

static gboolean
take_monitor(CommandLine *line, const char *value, GError **error)
{
    return take_monitor_device(line, value, MONITOR_HMP, error);
}

static gboolean
fill_chardev(GVariantDict *dict, Endpoint *endpoint, GError **error)
{
    g_autofree char *backend = take(dict, "backend");
    g_autofree char *port = take(dict, "port");

    endpoint->id = take(dict, "id");
    if (endpoint->id == NULL)
        return refuse(error, "chardev: no id specified");
    if (g_strcmp0(backend, "stdio") == 0) {
        endpoint->is_stdio = TRUE;
        return check_empty(dict, "-chardev", error);
    }
    if (g_strcmp0(backend, "socket") != 0)
        return refuse(error, "'%s' is not a valid char driver name", backend);

    endpoint->unix_path = take(dict, "path");
    endpoint->host = take(dict, "host");
    if ((endpoint->unix_path == NULL) == (endpoint->host == NULL))
        return refuse(error, "chardev: socket: give either path or host");
    if (endpoint->host != NULL && !parse_port(port, &endpoint->port, error))
        return FALSE;
    return take_server(dict, endpoint, error) && check_empty(dict, "-chardev", error);
}

static gboolean
take_chardev(CommandLine *line, const char *value, GError **error)
{
    g_autoptr(GVariant) options = parse_key_values(value, "backend", error);
    g_auto(GVariantDict) dict = G_VARIANT_DICT_INIT(options);
    Endpoint *endpoint;

    if (options == NULL)
        return FALSE;

    endpoint = g_new0(Endpoint, 1);
    g_ptr_array_add(line->endpoints, endpoint);
    return fill_chardev(&dict, endpoint, error);
}

static gboolean
take_mon(CommandLine *line, const char *value, GError **error)
{
    g_autoptr(GVariant) options = parse_key_values(value, "chardev", error);
    g_auto(GVariantDict) dict = G_VARIANT_DICT_INIT(options);
    g_autofree char *id = NULL;
    g_autofree char *mode = NULL;

    if (options == NULL)
        return FALSE;

    id = take(&dict, "chardev");
    mode = take(&dict, "mode");
    if (mode != NULL && !g_str_equal(mode, "control") && !g_str_equal(mode, "readline"))
        return refuse(error, "Invalid parameter '%s'", mode);
    for (guint i = 0; i < line->endpoints->len; i++) {
        Endpoint *endpoint = g_ptr_array_index(line->endpoints, i);

        if (endpoint->id != NULL && g_strcmp0(endpoint->id, id) == 0) {
            add_monitor(
                line, endpoint, g_strcmp0(mode, "control") == 0 ? MONITOR_QMP : MONITOR_HMP);
            return check_empty(&dict, "-mon", error);
        }
    }

    return refuse(error, "chardev \"%s\" not found", id != NULL ? id : "");
}

static void
add_drive(CommandLine *line, const char *id, GVariant *options)
{
    Drive *drive = g_new0(Drive, 1);

    drive->id = g_strdup(id);
    drive->options = options;
    g_ptr_array_add(line->drives, drive);
}

static gboolean
take_blockdev(CommandLine *line, const char *value, GError **error)
{
    g_autoptr(GVariant) options = NULL;

    options = value[0] == '{' ? qmp_value_parse(value, strlen(value), error)
                              : parse_key_values(value, "driver", error);
    if (options == NULL)
        return FALSE;
    if (!g_variant_is_of_type(options, G_VARIANT_TYPE_VARDICT))
        return refuse(error, "-blockdev: '%s' is no object", value);

    add_drive(line, NULL, g_steal_pointer(&options));
    return TRUE;
}

/*
 * The image of a -drive by its name: json: options stand beside those of the -drive, which win;
 * others are the file below. *format: what -drive says, or the json: options do.
 */
static gboolean
take_file(GVariantDict *dict, const char *file, char **format, GError **error)
{
    g_autoptr(GVariant) named = image_name_parse(file, error);
    gboolean is_json = image_name_is_json(file);
    GVariantIter iter;
    const char *key;
    GVariant *value;

    if (named == NULL)
        return FALSE;

    g_variant_iter_init(&iter, named);
    while (g_variant_iter_next(&iter, "{&sv}", &key, &value)) {
        g_autoptr(GVariant) owned = value;
        g_autofree char *name = g_strconcat(is_json ? "" : "file.", key, NULL);

        if (g_str_equal(name, "driver")) {
            if (*format == NULL && g_variant_is_of_type(value, G_VARIANT_TYPE_STRING))
                *format = g_variant_dup_string(value, NULL);
        } else if (!g_variant_dict_contains(dict, name)) {
            g_variant_dict_insert_value(dict, name, value);
        }
    }

    return TRUE;
}

/* What a guest's hardware would make of it is left aside; the format is never guessed. */
static gboolean
take_drive(CommandLine *line, const char *value, GError **error)
{
    static const char *const ignored[] = {
        "if", "media", "index", "bus", "unit", "werror", "rerror"};
    g_autoptr(GVariant) options = parse_key_values(value, "file", error);
    g_auto(GVariantDict) dict = G_VARIANT_DICT_INIT(options);
    g_autofree char *id = NULL;
    g_autofree char *file = NULL;
    g_autofree char *format = NULL;
    g_autofree char *read_only = NULL;

    if (options == NULL)
        return FALSE;

    for (guint i = 0; i < G_N_ELEMENTS(ignored); i++)
        g_free(take(&dict, ignored[i]));
    id = take(&dict, "id");
    file = take(&dict, "file");
    format = take(&dict, "format");
    read_only = take(&dict, "readonly");
    if (format == NULL)
        format = take(&dict, "driver");
    if (file != NULL && !take_file(&dict, file, &format, error))
        return FALSE;
    if (format == NULL)
        return refuse(error,
                      "-drive %s: give format=raw or format=qcow2: it is never guessed from the "
                      "image",
                      value);

    g_variant_dict_insert(&dict, "driver", "s", format);
    if (read_only != NULL)
        g_variant_dict_insert(&dict, "read-only", "s", read_only);
    if (id == NULL)
        id = g_strdup_printf("drive%u", line->drives->len);
    add_drive(line, id, g_variant_ref_sink(g_variant_dict_end(&dict)));
    return TRUE;
}

static gboolean
take_name(CommandLine *line, const char *value, GError **error)
{
    g_autoptr(GVariant) options = parse_key_values(value, "guest", error);

    if (options == NULL)
        return FALSE;
    g_clear_pointer(&line->name, g_free);
    g_variant_lookup(options, "guest", "s", &line->name);
    return TRUE;
}

static gboolean
take_pid_file(CommandLine *line, const char *value, GError **error)
{
    g_free(line->pid_file);
    line->pid_file = g_strdup(value);
    return TRUE;
}

static gboolean
take_nothing(CommandLine *line, const char *value, GError **error)
{
    return TRUE;
}

static gboolean
take_object(CommandLine *line, const char *value, GError **error)
{
    GVariant *options = value[0] == '{' ? qmp_value_parse(value, strlen(value), error)
                                        : parse_key_values(value, "qom-type", error);

    if (options == NULL)
        return FALSE;
    g_ptr_array_add(line->objects, options);
    return g_variant_is_of_type(options, G_VARIANT_TYPE_VARDICT) ||
           refuse(error, "-object: '%s' is no object", value);
}

static const struct {
    const char *name;
    TakeOption take; /* with a value */
} valued[] = {
    {"accel", take_nothing},
    {"blockdev", take_blockdev},
    {"chardev", take_chardev},
    {"display", take_nothing},
    {"drive", take_drive},
    {"m", take_nothing},
    {"machine", take_nothing},
    {"M", take_nothing},
    {"mon", take_mon},
    {"monitor", take_monitor},
    {"name", take_name},
    {"object", take_object},
    {"pidfile", take_pid_file},
    {"qmp", take_qmp},
    {"smp", take_nothing},
    {"vga", take_nothing},
};

static gboolean
take_plain(CommandLine *line, const char *name)
{
    const struct {
        const char *name;
        gboolean *place; /* NULL: no effect */
    } plain[] = {
        {"S", &line->is_stopped},
        {"daemonize", &line->is_daemon},
        {"h", &line->is_help},
        {"help", &line->is_help},
        {"nodefaults", NULL},
        {"nographic", NULL},
        {"no-user-config", NULL},
        {"version", &line->is_version},
    };

    for (guint i = 0; i < G_N_ELEMENTS(plain); i++) {
        if (!g_str_equal(plain[i].name, name))
            continue;
        if (plain[i].place != NULL)
            *plain[i].place = TRUE;
        return TRUE;
    }

    return FALSE;
}

/* Both "-option" and "--option", as QEMU takes them. */
static gboolean
take_word(CommandLine *line, char ***words, GError **error)
{
    const char *word = *(*words)++;
    const char *name = word + 1 + (word[0] == '-' && word[1] == '-' ? 1 : 0);

    if (word[0] != '-')
        return refuse(error, "'%s' is no option: images are given by -drive or -blockdev", word);
    if (take_plain(line, name))
        return TRUE;

    for (guint i = 0; i < G_N_ELEMENTS(valued); i++) {
        if (!g_str_equal(valued[i].name, name))
            continue;
        if (**words == NULL)
            return refuse(error, "%s: requires an argument", word);
        return valued[i].take(line, *(*words)++, error);
    }

    return refuse(error, "%s: invalid option", word);
}

CommandLine *
command_line_parse(char **words, GError **error)
{
    g_autoptr(CommandLine) line = g_new0(CommandLine, 1);

    line->endpoints = g_ptr_array_new_with_free_func((GDestroyNotify)endpoint_free);
    line->monitors = g_ptr_array_new_with_free_func(g_free);
    line->drives = g_ptr_array_new_with_free_func((GDestroyNotify)drive_free);
    line->objects = g_ptr_array_new_with_free_func((GDestroyNotify)g_variant_unref);

    while (*words != NULL) {
        if (!take_word(line, &words, error))
            return NULL;
    }

    return g_steal_pointer(&line);
}

void
command_line_free(CommandLine *line)
{
    if (line == NULL)
        return;

    g_free(line->name);
    g_free(line->pid_file);
    g_ptr_array_unref(line->monitors);
    g_ptr_array_unref(line->endpoints);
    g_ptr_array_unref(line->drives);
    g_ptr_array_unref(line->objects);
    g_free(line);
}
