/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Protocol messages */

#include "qmp/message.h"

#include "api/vblk-error.h"
#include "qmp/qmp-error.h"
#include "qmp/value.h"

#define MAX_VERSION_PART 999

static GVariant *
new_object(void)
{
    return g_variant_new("a{sv}", NULL);
}

GVariant *
qmp_message_new_greeting(guint version, const char *package)
{
    return g_variant_new_parsed("{'QMP': <{'version': <{'qemu': <{'micro': <%x>, 'minor': <%x>, "
                                "'major': <%x>}>, 'package': <%s>}>, 'capabilities': <@av []>}>}",
                                (gint64)version % 1000,
                                (gint64)version / 1000 % 1000,
                                (gint64)version / 1000000,
                                package);
}

GVariant *
qmp_message_new_return(GVariant *value, GVariant *id)
{
    GVariantBuilder message = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);

    g_variant_builder_add(&message, "{sv}", "return", value != NULL ? value : new_object());
    if (id != NULL)
        g_variant_builder_add(&message, "{sv}", "id", id);
    return g_variant_builder_end(&message);
}

GVariant *
qmp_message_new_error(const GError *failure, GVariant *id)
{
    GVariantBuilder message = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);
    QmpError code = failure->domain == QMP_ERROR ? (QmpError)failure->code
                                                 : QMP_ERROR_GENERIC_ERROR;
    /* A message may quote what an image holds. */
    g_autofree char *text = g_utf8_make_valid(failure->message, -1);

    if (id != NULL)
        g_variant_builder_add(&message, "{sv}", "id", id);
    g_variant_builder_add(
        &message,
        "{sv}",
        "error",
        g_variant_new_parsed("{'class': <%s>, 'desc': <%s>}", qmp_error_class(code), text));
    return g_variant_builder_end(&message);
}

GVariant *
qmp_message_new_event(const char *name, GVariant *data, gint64 time_us)
{
    GVariantBuilder message = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);

    g_variant_builder_add(&message,
                          "{sv}",
                          "timestamp",
                          g_variant_new_parsed("{'seconds': <%x>, 'microseconds': <%x>}",
                                               time_us / G_USEC_PER_SEC,
                                               time_us % G_USEC_PER_SEC));
    g_variant_builder_add(&message, "{sv}", "event", g_variant_new_string(name));
    if (data != NULL)
        g_variant_builder_add(&message, "{sv}", "data", data);
    return g_variant_builder_end(&message);
}

static gboolean refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static gboolean
refuse(GError **error, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    g_propagate_error(error, g_error_new_valist(QMP_ERROR, QMP_ERROR_GENERIC_ERROR, format, list));
    va_end(list);
    return FALSE;
}

/* These three are all there may be; the texts are QEMU 7.2's. */
static gboolean
check_command_member(const char *name, GVariant *value, GError **error)
{
    if (g_str_equal(name, "execute"))
        return g_variant_is_of_type(value, G_VARIANT_TYPE_STRING) ||
               refuse(error, "QMP input member '%s' must be a string", name);
    if (g_str_equal(name, "arguments"))
        return g_variant_is_of_type(value, G_VARIANT_TYPE_VARDICT) ||
               refuse(error, "QMP input member '%s' must be an object", name);
    return g_str_equal(name, "id") || refuse(error, "QMP input member '%s' is unexpected", name);
}

gboolean
qmp_message_read_command(GVariant *message,
                         const char **ret_name,
                         GVariant **ret_arguments,
                         GError **error)
{
    GVariantIter iter;
    const char *name;
    GVariant *value;

    if (!g_variant_is_of_type(message, G_VARIANT_TYPE_VARDICT))
        return refuse(error, "QMP input must be a JSON object");

    g_variant_iter_init(&iter, message);
    while (g_variant_iter_next(&iter, "{&sv}", &name, &value)) {
        g_autoptr(GVariant) member = value;

        if (!check_command_member(name, member, error))
            return FALSE;
    }

    if (!g_variant_lookup(message, "execute", "&s", ret_name))
        return refuse(error, "QMP input lacks member '%s'", "execute");
    if (!g_variant_lookup(message, "arguments", "@a{sv}", ret_arguments))
        *ret_arguments = g_variant_ref_sink(new_object());
    return TRUE;
}

GVariant *
qmp_message_get_id(GVariant *message)
{
    return g_variant_is_of_type(message, G_VARIANT_TYPE_VARDICT)
               ? g_variant_lookup_value(message, "id", NULL)
               : NULL;
}

GVariant *
qmp_message_new_command(const char *name, GVariant *arguments, gint64 id)
{
    GVariantBuilder message = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);

    g_variant_builder_add(&message, "{sv}", "execute", g_variant_new_string(name));
    if (arguments != NULL)
        g_variant_builder_add(&message, "{sv}", "arguments", arguments);
    g_variant_builder_add(&message, "{sv}", "id", g_variant_new_int64(id));
    return g_variant_builder_end(&message);
}

static gboolean
read_version_part(GVariant *qemu, const char *name, guint *ret)
{
    guint64 part;

    if (!qmp_value_get_uint64(qemu, name, &part, NULL) || part > MAX_VERSION_PART)
        return FALSE;

    *ret = (guint)part;
    return TRUE;
}

gboolean
qmp_message_read_greeting(GVariant *message, guint *ret_version, char **ret_package)
{
    g_autoptr(GVariant) body = NULL;
    g_autoptr(GVariant) version = NULL;
    g_autoptr(GVariant) qemu = NULL;
    guint major, minor, micro;

    if (!g_variant_is_of_type(message, G_VARIANT_TYPE_VARDICT) ||
        !qmp_value_get_object(message, "QMP", &body, NULL) ||
        !qmp_value_get_object(body, "version", &version, NULL) ||
        !qmp_value_get_object(version, "qemu", &qemu, NULL) ||
        !read_version_part(qemu, "major", &major) || !read_version_part(qemu, "minor", &minor) ||
        !read_version_part(qemu, "micro", &micro))
        return FALSE;

    *ret_version = major * 1000000 + minor * 1000 + micro;
    if (!g_variant_lookup(version, "package", "s", ret_package))
        *ret_package = g_strdup("");
    return TRUE;
}

/* FALSE where it is none that int64 microseconds can tell. */
static gboolean
read_time(GVariant *timestamp, gint64 *ret_time_us)
{
    gint64 seconds, microseconds;

    if (!g_variant_lookup(timestamp, "seconds", "x", &seconds) ||
        !g_variant_lookup(timestamp, "microseconds", "x", &microseconds))
        return FALSE;
    if (seconds < 0 || seconds >= G_MAXINT64 / G_USEC_PER_SEC || microseconds < 0 ||
        microseconds >= G_USEC_PER_SEC)
        return FALSE;

    *ret_time_us = seconds * G_USEC_PER_SEC + microseconds;
    return TRUE;
}

gboolean
qmp_message_read_event(GVariant *message,
                       const char **ret_name,
                       GVariant **ret_data,
                       gint64 *ret_time_us)
{
    g_autoptr(GVariant) timestamp = NULL;

    if (!g_variant_is_of_type(message, G_VARIANT_TYPE_VARDICT) ||
        !qmp_value_get_string(message, "event", ret_name, NULL))
        return FALSE;

    if (!qmp_value_get_object(message, "data", ret_data, NULL))
        *ret_data = g_variant_ref_sink(new_object());
    if (!qmp_value_get_object(message, "timestamp", &timestamp, NULL) ||
        !read_time(timestamp, ret_time_us))
        *ret_time_us = g_get_real_time();
    return TRUE;
}

static GError *
read_failure(GVariant *body)
{
    const char *name = NULL;
    const char *text = "no description";

    g_variant_lookup(body, "class", "&s", &name);
    g_variant_lookup(body, "desc", "&s", &text);
    return g_error_new_literal(QMP_ERROR, (int)qmp_error_from_class(name), text);
}

static gboolean
refuse_answer(GError **error, const char *what)
{
    g_set_error_literal(error, VBLK_ERROR, VBLK_ERROR_FAILED, what);
    return FALSE;
}

gboolean
qmp_message_read_answer(GVariant *message,
                        gint64 *ret_id,
                        GVariant **ret_value,
                        GError **ret_failure,
                        GError **error)
{
    g_autoptr(GVariant) value = NULL;
    g_autoptr(GVariant) body = NULL;
    g_autoptr(GError) failure = NULL;

    if (!g_variant_is_of_type(message, G_VARIANT_TYPE_VARDICT))
        return refuse_answer(error, "a message that is no object");

    value = g_variant_lookup_value(message, "return", NULL);
    body = g_variant_lookup_value(message, "error", G_VARIANT_TYPE_VARDICT);
    if ((value == NULL) == (body == NULL))
        return refuse_answer(error, "an answer must have one of 'return' and 'error'");
    failure = body != NULL ? read_failure(body) : NULL;
    if (!g_variant_lookup(message, "id", "x", ret_id)) {
        /* QEMU answers so what it could not read as a command. */
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_FAILED,
                    "an answer to nothing that was asked: %s",
                    failure != NULL ? failure->message : "it has no number as 'id'");
        return FALSE;
    }

    *ret_value = g_steal_pointer(&value);
    *ret_failure = g_steal_pointer(&failure);
    return TRUE;
}
