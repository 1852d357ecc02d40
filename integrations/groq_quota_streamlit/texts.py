"""
The catalogue of the page: every text, in English and in Spanish.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["TEXTS"]

_ENGLISH = {
    # numbers and times
    "day": "{month} {day}",
    "months": "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
    # states, and what they mean
    "normal": "Normal",
    "warning": "Warning",
    "critical": "Critical",
    "limit_reached": "Limit reached",
    "say_normal": "Normal use: {remaining} {metric} left today",
    "say_warning": "High use: {percent} of today's {metric} used, {remaining} left",
    "say_critical": "Critical use: {percent} of today's {metric} used, {remaining} left",
    "say_limit_reached": "Daily limit reached: {used} of {amount} {metric} used",
    "say_unlimited": "Normal use: no daily limit",
    "alert_warning": "**High use.** 75% or more of a daily limit is used.",
    "alert_critical": "**Critical use.** 90% or more of a daily limit is used; calls go on "
    "until it is reached.",
    "alert_limit_reached": "**Daily limit reached.** Further calls to this model are stopped here "
    "until the day begins anew at midnight UTC.",
    "alert_counted": "**Daily limit reached.** This program only counts, so calls are still sent.",
    # what is counted, and over what
    "requests": "requests",
    "tokens": "tokens",
    "input_tokens": "input tokens",
    "output_tokens": "output tokens",
    "audio_seconds": "seconds of audio",
    "title_requests": "Requests",
    "title_tokens": "Tokens",
    "title_input_tokens": "Input tokens",
    "title_output_tokens": "Output tokens",
    "title_audio_seconds": "Seconds of audio",
    "per_60": "{metric} per minute",
    "per_3600": "{metric} per hour",
    "per_86400": "{metric} today",
    "of": "{used} of {limit}",
    "no_limit": "no limit",
    "left": "{number} left",
    "free_in": "all free in {duration}",
    "free_now": "all free",
    "not_enforced": "not enforced",
    "note_fallbacks": "sent to another model: {number}",
    "note_estimated": "estimated audio: {duration}",
    "note_others": "taken by others of the organization: {amounts}",
    # where a limit is from
    "from_user": "set by you",
    "from_learned": "learned, {day}",
    "from_plan": "plan, {day}",
    "from_table": "table, {day}",
    "from_default": "default for unknown models",
    "origins": "*Set by you*: in code, a file or here. *Learned*: from Groq's own answers, on that "
    "day. *Plan*: of Groq's plan that was chosen or recognised. *Table*: as published on that day. "
    "*Not enforced*: assumed, until an answer from Groq confirms it.",
    # the tab
    "title": "Groq API usage",
    "now": "Now",
    "history": "History",
    "limits": "Limits",
    "admin": "Administration",
    "language": "Language",
    "model": "Model",
    "latest_model": "The one used last",
    "resets": "The day begins anew in {duration} (00:00 UTC)",
    "resets_here": "The day begins anew in {duration} (00:00 UTC, {clock} your time)",
    "updated": "updated at {clock} UTC",
    "minute_windows": "Minute and hour windows",
    "today": "Today",
    "lifetime": "Lifetime",
    "this_model": "This model",
    "all_models": "All models",
    "blocked": "stopped here",
    "avoided": "429s avoided by waiting",
    "refused": "429s from Groq",
    "failed": "failed",
    "waited": "waited",
    "reserved": "in flight",
    "cached_tokens": "cached tokens",
    "days_active": "days active",
    "scope": "Scope",
    "only_used": "Only models used today",
    "state": "State",
    "nothing_yet": "Nothing was counted today.",
    "storage_away": "The storage cannot be reached. These are the counts of this process alone, "
    "on top of what it last saw.",
    "storage_error": "The counts cannot be read. {reason}",
    # history
    "last_days": "The last {days} days",
    "by_hour": "Today by the hour (UTC)",
    "by_hour_alt": "{metric} of today by hour and model",
    "last_days_alt": "{metric} of the last {days} days by day and model",
    "no_history": "There is no history yet: it begins with the first counted call.",
    "per_day": "Figures by day",
    "date": "Day",
    "hour": "Hour",
    "others": "others",
    # administration
    "reset": "Reset the day",
    "reset_what": "Today's counts move to the history and counting begins anew. Lifetime and "
    "learned limits stay.",
    "reset_done": "Today's count was reset: {model}",
    "set_limits": "Set limits",
    "set_what": "They hold in this process from the next call on, until it ends, and are not "
    "stored: other processes keep theirs. To keep them, use limits= or GROQ_QUOTA_LIMITS. An "
    "empty field is not set by you; 0 blocks.",
    "set_done": "Limits set: {model}",
    "unset": "Take mine back",
    "unset_done": "Your limits were taken back: {model}",
    "forget": "Forget learned limits",
    "forget_what": "What Groq's answers taught is forgotten, for all processes; the next answers "
    "teach it anew. For an account that changed its plan.",
    "forget_done": "Learned limits were forgotten: {model}",
    "export": "Export",
    "export_what": "The counts of the last {days} days as CSV, or all that is shown here as JSON. "
    "They hold no prompts, answers or keys.",
    "prepare": "Prepare the files",
    "csv": "Download CSV",
    "json": "Download JSON",
    "sure": "Yes, I am sure",
    "every_model": "All models",
    # the app
    "app": "Groq quota",
    "password": "Administrator's password",
    "log_in": "Show administration",
    "log_out": "Hide administration",
    "wrong_password": "That is not the password.",
    # the first tracker's functions
    "current_model": "Current model",
    "reset_date": "Day (UTC)",
    "used_requests": "Requests used",
    "used_tokens": "Tokens used",
    "available": "Available",
    "unavailable": "Limit reached",
    "detailed": "Detailed statistics",
    "daily_progress": "Today's progress",
    "used": "Used",
    "limit": "Limit",
    "remaining": "Left",
    "percentage": "Share",
    "last_request": "Last request",
    "last_request_ago": "{duration} ago",
    "model_limits": "Limits by model",
    "still_there": "Models",
    "shut_down": "Shut down by Groq",
    "a_day": "{metric} a day",
    "no_use": "no use yet",
}

_SPANISH = {
    # numbers and times
    "day": "{day} {month}",
    "months": "ene feb mar abr may jun jul ago sep oct nov dic",
    # states, and what they mean
    "normal": "Normal",
    "warning": "Advertencia",
    "critical": "Crítico",
    "limit_reached": "Límite alcanzado",
    "say_normal": "Uso normal: {remaining} {metric} disponibles hoy",
    "say_warning": "Uso alto: {percent} de los {metric} de hoy utilizados, quedan {remaining}",
    "say_critical": "Uso crítico: {percent} de los {metric} de hoy utilizados, quedan {remaining}",
    "say_limit_reached": "Límite diario alcanzado: {used} de {amount} {metric} utilizados",
    "say_unlimited": "Uso normal: sin límite diario",
    "alert_warning": "**Uso alto.** Se ha utilizado el 75\u00a0% o más de un límite diario.",
    "alert_critical": "**Uso crítico.** Se ha utilizado el 90\u00a0% o más de un límite "
    "diario; las llamadas continúan hasta alcanzarlo.",
    "alert_limit_reached": "**Límite diario alcanzado.** Las llamadas a este modelo se detienen "
    "aquí hasta que empiece el nuevo día, a medianoche UTC.",
    "alert_counted": "**Límite diario alcanzado.** Este programa solo cuenta: las llamadas se "
    "siguen enviando.",
    # what is counted, and over what
    "requests": "requests",
    "tokens": "tokens",
    "input_tokens": "tokens de entrada",
    "output_tokens": "tokens de salida",
    "audio_seconds": "segundos de audio",
    "title_requests": "Requests",
    "title_tokens": "Tokens",
    "title_input_tokens": "Tokens de entrada",
    "title_output_tokens": "Tokens de salida",
    "title_audio_seconds": "Segundos de audio",
    "per_60": "{metric} por minuto",
    "per_3600": "{metric} por hora",
    "per_86400": "{metric} hoy",
    "of": "{used} de {limit}",
    "no_limit": "sin límite",
    "left": "quedan {number}",
    "free_in": "todo libre en {duration}",
    "free_now": "todo libre",
    "not_enforced": "no aplicado",
    "note_fallbacks": "enviados a otro modelo: {number}",
    "note_estimated": "audio estimado: {duration}",
    "note_others": "consumido por otros de la organización: {amounts}",
    # where a limit is from
    "from_user": "fijado por usted",
    "from_learned": "aprendido, {day}",
    "from_plan": "plan, {day}",
    "from_table": "tabla, {day}",
    "from_default": "por defecto, modelo desconocido",
    "origins": "*Fijado por usted*: en el código, en un archivo o aquí. *Aprendido*: de las "
    "respuestas de Groq, ese día. *Plan*: del plan de Groq elegido o reconocido. *Tabla*: como se "
    "publicó ese día. *No aplicado*: supuesto, hasta que una respuesta de Groq lo confirme.",
    # the tab
    "title": "Uso de API de Groq",
    "now": "Ahora",
    "history": "Historial",
    "limits": "Límites",
    "admin": "Administración",
    "language": "Idioma",
    "model": "Modelo",
    "latest_model": "El último utilizado",
    "resets": "El nuevo día empieza en {duration} (00:00 UTC)",
    "resets_here": "El nuevo día empieza en {duration} (00:00 UTC, {clock} en su zona)",
    "updated": "actualizado a las {clock} UTC",
    "minute_windows": "Ventanas de minuto y hora",
    "today": "Hoy",
    "lifetime": "En total",
    "this_model": "Este modelo",
    "all_models": "Todos los modelos",
    "blocked": "detenidos aquí",
    "avoided": "429 evitados esperando",
    "refused": "429 de Groq",
    "failed": "fallidos",
    "waited": "de espera",
    "reserved": "en curso",
    "cached_tokens": "tokens en caché",
    "days_active": "días activos",
    "scope": "Ámbito",
    "only_used": "Solo los modelos utilizados hoy",
    "state": "Estado",
    "nothing_yet": "Hoy no se ha contado nada.",
    "storage_away": "No se puede acceder al almacenamiento. Este es el recuento de este proceso, "
    "sobre lo último que vio.",
    "storage_error": "No se pueden leer los recuentos. {reason}",
    # history
    "last_days": "Los últimos {days} días",
    "by_hour": "Hoy por horas (UTC)",
    "by_hour_alt": "{metric} de hoy por hora y modelo",
    "last_days_alt": "{metric} de los últimos {days} días por día y modelo",
    "no_history": "Aún no hay historial: empieza con la primera llamada contada.",
    "per_day": "Cifras por día",
    "date": "Día",
    "hour": "Hora",
    "others": "otros",
    # administration
    "reset": "Reiniciar el día",
    "reset_what": "Los recuentos de hoy pasan al historial y se empieza de nuevo. El total y los "
    "límites aprendidos se conservan.",
    "reset_done": "Recuento de hoy reiniciado: {model}",
    "set_limits": "Fijar límites",
    "set_what": "Valen en este proceso desde la próxima llamada y hasta que termine, y no se "
    "guardan: los demás procesos mantienen los suyos. Para conservarlos use limits= o "
    "GROQ_QUOTA_LIMITS. Un campo vacío no lo fija usted; 0 bloquea.",
    "set_done": "Límites fijados: {model}",
    "unset": "Quitar los míos",
    "unset_done": "Se quitaron sus límites: {model}",
    "forget": "Olvidar límites aprendidos",
    "forget_what": "Se olvida, para todos los procesos, lo que enseñaron las respuestas de Groq; "
    "las próximas lo enseñarán de nuevo. Para una cuenta que cambió de plan.",
    "forget_done": "Límites aprendidos olvidados: {model}",
    "export": "Exportar",
    "export_what": "Los recuentos de los últimos {days} días en CSV, o todo lo que se ve aquí en "
    "JSON. No contienen preguntas, respuestas ni claves.",
    "prepare": "Preparar los archivos",
    "csv": "Descargar CSV",
    "json": "Descargar JSON",
    "sure": "Sí, estoy seguro",
    "every_model": "Todos los modelos",
    # the app
    "app": "Cuota de Groq",
    "password": "Contraseña de administración",
    "log_in": "Mostrar administración",
    "log_out": "Ocultar administración",
    "wrong_password": "Esa no es la contraseña.",
    # the first tracker's functions
    "current_model": "Modelo actual",
    "reset_date": "Día (UTC)",
    "used_requests": "Requests utilizados",
    "used_tokens": "Tokens utilizados",
    "available": "Disponible",
    "unavailable": "Límite alcanzado",
    "detailed": "Estadísticas detalladas",
    "daily_progress": "Progreso de uso diario",
    "used": "Utilizados",
    "limit": "Límite",
    "remaining": "Disponibles",
    "percentage": "Porcentaje",
    "last_request": "Última consulta",
    "last_request_ago": "hace {duration}",
    "model_limits": "Límites por modelo",
    "still_there": "Modelos",
    "shut_down": "Retirados por Groq",
    "a_day": "{metric} al día",
    "no_use": "sin uso",
}

#: The texts by language and name. A test holds the languages to the same names and places.
TEXTS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType({"en": _ENGLISH, "es": _SPANISH})
