"""
The texts of the command line in Spanish.
"""

from __future__ import annotations

from typing import Final

__all__ = ["SPANISH"]

#: A text that counts has a second one for one: its name ends in `_1`.
SPANISH: Final = {
    # numbers and times
    "months": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre "
    "diciembre",
    "day": "{day} de {month} de {year}",
    # states and limits
    "normal": "normal",
    "warning": "advertencia",
    "critical": "crítico",
    "limit_reached": "límite alcanzado",
    "requests": "requests",
    "tokens": "tokens",
    "input_tokens": "tok. entrada",
    "output_tokens": "tok. salida",
    "audio_seconds": "s de audio",
    "per_60": "{metric}/min",
    "per_3600": "{metric}/hora",
    "per_86400": "{metric}/día",
    "unlimited": "sin límite",
    "resets_in": "reinicio en {duration}",
    "free_in": "libre en {duration}",
    "note_reserved": "en curso: {requests}, {tokens}",
    "note_blocked": "{number} detenidos antes de enviarse",
    "note_blocked_1": "{number} detenido antes de enviarse",
    "note_fallbacks": "{number} enviados a otro modelo",
    "note_fallbacks_1": "{number} enviado a otro modelo",
    "note_refused": "{number} rechazados por Groq",
    "note_refused_1": "{number} rechazado por Groq",
    "note_failed": "{number} fallidos",
    "note_failed_1": "{number} fallido",
    "note_waited": "espera de {duration}",
    "note_estimated": "audio estimado: {duration}",
    "note_others": "otros de la organización: {amounts}",
    "count_requests": "{number} requests",
    "count_requests_1": "{number} request",
    "count_tokens": "{number} tokens",
    "count_tokens_1": "{number} token",
    "count_days": "{number} días",
    "count_days_1": "{number} día",
    # status
    "status_title": "groq-quota {middle} {day}, UTC",
    "status_reset": "reinicio en {duration}, a medianoche UTC",
    "status_scope": "ámbito {scope} en {place}",
    "status_empty": "Hoy no se ha contado nada en {place}.",
    "status_empty_scope": "Hoy no se ha contado nada para el ámbito {scope} en {place}.",
    "status_hint": "Todos los modelos conocidos con sus límites: groq-quota status --all",
    "status_today": "Hoy       {requests}, {tokens}",
    "status_lifetime": "En total  {requests}, {tokens} en {days}",
    # tables
    "col_day": "día",
    "col_requests": "requests",
    "col_tokens": "tokens",
    "col_blocked": "detenidos",
    "col_refused": "rechazados",
    "col_failed": "fallidos",
    # status --watch
    "watch_hint": "se lee cada {interval}; termina con Ctrl-C",
    # limits
    "plan_chosen": "Plan: {plan}, el que se indicó",
    "plan_recognised": "Plan: {plan}, reconocido por las respuestas de Groq",
    "plan_unknown": "Plan: no se conoce. Los límites por minuto y hora se suponen hasta que una "
    "respuesta los confirme.",
    "limits_title": "Límites",
    "limits_shutdown": "retirado por Groq el {day}",
    "limits_none": "no se conoce ningún límite",
    "enforced": "se aplica",
    "assumed": "se supone",
    "origin_user": "fijado por usted",
    "origin_learned": "aprendido el {day}",
    "origin_plan": "del plan, al {day}",
    "origin_table": "tabla del {day}",
    "origin_default": "modelo sin tabla, {day}",
    "origin_undated": "del plan",
    # history
    "history_title": "Los últimos {days}, UTC",
    "history_title_1": "Hoy, UTC",
    # reset
    "reset_ask": "¿Empezar de nuevo la cuenta de hoy de {model} ({requests}, {tokens}) en {place}? "
    "[s/N] ",
    "reset_ask_all": "¿Empezar de nuevo la cuenta de hoy de todos los modelos ({requests}, "
    "{tokens}) en {place}? [s/N] ",
    "reset_yes": "s si sí y yes",
    "reset_kept": "No se cambió nada.",
    "reset_done": "Pasan al historial: {requests}, {tokens}. El total se conserva.",
    "reset_unattended": "reset pregunta antes de actuar y aquí nadie puede responder: indique "
    "--yes",
    # simulate
    "simulate_up": "Un Groq simulado responde. Dirija a él cualquier programa:",
    "simulate_end": "Termina con Ctrl-C.",
    "simulate_done": "Respondidos {answered}, rechazados {refused}; {tokens} facturados.",
    "port_taken": "no se puede escuchar en {host}:{port}: {reason}",
    "bad_limit": "--limit {given!r}: escriba MODELO:rpm=30,tpm=8000, con nombres de {known} y "
    "números enteros mayores que 0",
    "bad_fault": "--fault {given!r}: escriba un estado de 400 a 599, drop, stall, error, delay=2, "
    "gap=0.1 o no-usage, seguido de x3 o xall para más de una petición",
    # migrate
    "migrate_done": "Trasladados {scopes}, {models} y {days} del pasado: {requests} y {tokens} en "
    "total. Los totales coinciden.",
    "migrate_dropped": "{days} del pasado no se trasladaron: {target} guarda menos.",
    "migrate_dropped_1": "{days} del pasado no se trasladó: {target} guarda menos.",
    "count_scopes": "{number} ámbitos",
    "count_scopes_1": "{number} ámbito",
    "count_models": "{number} modelos",
    "count_models_1": "{number} modelo",
    # demo
    "demo_title": "groq-quota demo {middle} el SDK real de Groq contra un Groq simulado",
    "demo_server": "servidor",
    "demo_counts": "recuento",
    "demo_limits": "límites",
    "demo_limit_text": "{requests} y {tokens} al día, para esta demo",
    "demo_call": "llamada {number}",
    "kind_plain": "simple",
    "kind_stream": "stream",
    "kind_async": "async",
    "demo_stopped": "Después, {number} llamadas más, simple, en stream y async: todas detenidas "
    "aquí.",
    "demo_raised": "excepción",
    "demo_sent": "enviado",
    "demo_sent_text": "{number} peticiones HTTP",
    "demo_sent_text_1": "{number} petición HTTP",
    "demo_message": "mensaje",
    "demo_free": "libre en",
    "demo_compare": "¿Coinciden el registro del servidor y nuestro recuento?",
    "demo_ledger": "registro",
    "demo_ours": "groq-quota",
    "demo_requests": "requests respondidos",
    "demo_tokens": "tokens facturados",
    "demo_refused": "rechazados por el servidor (429)",
    "demo_open": "aún en curso",
    "demo_agree": "Coinciden.",
    "demo_differ": "No coinciden.",
    "demo_yours": "En su programa:  import groq_quota; groq_quota.install()",
    "demo_question_0": "¿Qué es una cuota?",
    "demo_question_1": "¿Cuántos requests quedan para hoy y cuándo empieza el día de nuevo?",
    "demo_question_2": "Explique los límites de uso en una frase.",
    "demo_question_3": "¿Qué dura más, un minuto o mil tokens?",
    "demo_answer": "Esta respuesta la inventó el simulador: no se preguntó a ningún modelo ni "
    "hizo falta ninguna clave.",
    # help
    "usage": "Uso:",
    "meta_uri": "URI",
    "meta_name": "NOMBRE",
    "meta_number": "NÚMERO",
    "meta_seconds": "SEGUNDOS",
    "meta_model": "MODELO",
    "meta_from": "ORIGEN",
    "meta_to": "DESTINO",
    "meta_limit": "MODELO:LÍMITES",
    "meta_fault": "FALLO",
    "meta_text": "TEXTO",
    "meta_lang": "en|es",
    "group_usage": "[--version] COMANDO [OPCIONES]",
    "command_usage": "[OPCIONES]",
    "arguments": "Argumentos",
    "options": "Opciones",
    "commands": "Comandos",
    "help_group": "Lo que queda de su cuota de Groq, desde la terminal.",
    "help_status": "Muestra los modelos usados hoy: estado, requests y tokens frente a sus "
    "límites, y el tiempo hasta el reinicio. No envía ni escribe nada.",
    "help_status_short": "muestra lo usado hoy y lo que queda",
    "help_demo": "Envía llamadas reales del SDK de Groq a un Groq simulado hasta el límite "
    "diario y más allá, y compara el registro del servidor con nuestro recuento. Tarda unos diez "
    "segundos, no necesita clave y no deja nada atrás.",
    "help_demo_short": "muestra la protección en acción, sin clave",
    "help_dashboard": "Abre el panel en un navegador: los mismos recuentos con barras, historial y "
    "límites, actualizados cada cinco segundos. Solo se sirve a este equipo, hasta Ctrl+C. Con "
    "GROQ_QUOTA_ADMIN_PASSWORD definida, quien la indique puede reiniciar recuentos y cambiar "
    "límites.",
    "help_dashboard_short": "muestra los recuentos en un navegador",
    "help_watch": "lo mantiene en pantalla y lo lee una y otra vez, hasta Ctrl-C",
    "help_interval": "segundos entre dos lecturas con --watch (por defecto: 2)",
    "help_check": "Dice si ahora pasaría una petición a un modelo. No envía ni escribe nada. El "
    "código de salida es 0 si pasa y 1 si no.",
    "help_check_short": "¿puede enviarse ahora una petición? código de salida 0 o 1",
    "help_model": "el modelo, con el nombre que le da Groq",
    "help_model_optional": "solo este modelo",
    "help_tokens": "los tokens que ocuparía la petición (por defecto: 0)",
    "help_limits": "Muestra qué límites valen para los modelos, de dónde viene cada uno y si se "
    "aplica o solo se supone.",
    "help_limits_short": "muestra los límites, con origen y fecha",
    "help_history": "Muestra los requests y tokens de los últimos días; hoy, al final.",
    "help_history_short": "muestra los últimos días",
    "help_days": "cuántos días, contando hoy (por defecto: 7)",
    "help_reset": "Empieza de nuevo la cuenta del día, de un modelo o de todos. Pregunta antes. Lo "
    "contado pasa al historial y el total se conserva.",
    "help_reset_short": "empieza de nuevo la cuenta del día",
    "help_yes": "no pregunta",
    "help_simulate": "Sirve en esta máquina un doble de Groq, con límites, cabeceras, rechazos y "
    "fallos, hasta Ctrl-C. Responde con texto inventado y vale cualquier clave.",
    "help_simulate_short": "sirve un Groq simulado para cualquier programa",
    "help_host": "la dirección en la que escucha (por defecto: 127.0.0.1)",
    "help_simulate_port": "el puerto, 0 para uno libre (por defecto: 8000)",
    "help_limit": "límites de un modelo, como en mi-modelo:rpm=30,tpm=8000; los demás modelos no "
    "tienen entonces; puede repetirse (por defecto: el plan gratuito de Groq)",
    "help_fault": "qué falla en la próxima petición: un estado como 429 o 500, drop, drop=3 (tras "
    "3 trozos), stall, error=2 (de un stream), delay=2, gap=0.1 (entre trozos) o no-usage; con x3 "
    "o xall detrás, en más peticiones, como en 500x3; puede repetirse",
    "help_latency": "segundos que tarda cada petición hasta el limitador (por defecto: 0)",
    "help_processing": "segundos que tarda cada respuesta (por defecto: 0)",
    "help_answer": "lo que se responde (por defecto: texto inventado)",
    "help_refund": "devuelve los max_tokens sin usar tras la respuesta",
    "help_strict": "responde 404 a los modelos sin límites",
    "help_migrate": "Traslada todos los recuentos, de todos los ámbitos y días, de un almacén a "
    "otro, y comprueba los totales. Detenga antes los programas que cuentan ahí. El origen queda "
    "como está.",
    "help_migrate_short": "traslada todos los recuentos a otro almacén",
    "help_from": "dónde están los recuentos: la ruta de un archivo o una URI",
    "help_to": "adónde van: un almacén vacío",
    "help_force": "también a un almacén que no está vacío: se sustituye lo que haya del mismo "
    "ámbito y modelo",
    "help_install_completion": "hace que la shell complete comandos, opciones y modelos",
    "help_show_completion": "imprime lo que eso añade a los ajustes de la shell",
    "help_storage": "dónde están los recuentos: la ruta de un archivo o una URI (por defecto: "
    "GROQ_QUOTA_STORAGE; si no, usage_data.json)",
    "help_scope": "de quién es la cuota (por defecto: default)",
    "help_lang": "el idioma (por defecto: GROQ_QUOTA_LANG; si no, el del sistema; si no, en)",
    "help_json": "imprime JSON",
    "help_all": "muestra todos los modelos conocidos, no solo los usados hoy",
    "help_fast": "sin las pausas de un servidor real",
    "help_port": "el puerto en el que se sirve (por defecto: 8501)",
    "help_no_browser": "no abre ningún navegador",
    "help_version": "imprime la versión",
    "help_help": "imprime esta ayuda",
    "exit_codes": "Códigos de salida\n"
    "0 todo fue bien\n"
    "1 la respuesta es no: un límite alcanzado, o recuentos que difieren\n"
    "2 la línea de comandos, un ajuste o un extra que falta\n"
    "3 no se puede leer o escribir donde están las cuentas",
    # what goes wrong
    "failed": "{reason}",
    "no_extra": 'falta {package}: pip install "groq-quota[{extra}]"',
    "no_such_command": "no existe el comando {given!r}; los conocidos son {known}",
    "no_such_option": "no existe la opción {option}; --help muestra las que hay",
    "bad_option": "la opción {option} no está bien usada; --help muestra cómo",
    "bad_value": "el valor de {option} no sirve; --help muestra cuáles hay",
    "bad_number": "{option}: hace falta un número, {least} o más, no {given!r}",
    "bad_whole": "{option}: hace falta un número entero, {least} o más, no {given!r}",
    "too_many": "{given!r} está de más; --help muestra qué admite el comando",
    "missing_argument": "falta {missing}; --help muestra qué admite el comando",
    "bad_language": "--lang: no se conoce el idioma {given!r}; los conocidos son {known}",
    "demo_disabled": "GROQ_QUOTA_DISABLED está activa, así que no hay nada que ver: desactívela "
    "para la demo",
    "interrupted": "interrumpido",
}
