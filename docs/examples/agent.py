"""
An agent that answers questions about sensors, and says how much of the day's quota is left.

    python docs/examples/agent.py

It needs `pip install "groq-quota[langchain,simulator]" langchain-groq langgraph`. Without a
`GROQ_API_KEY` it talks to the simulator of groq-quota, which answers with made-up words.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, TypedDict

from langchain_groq import ChatGroq
from langgraph.graph import END, START, StateGraph

import groq_quota
from groq_quota import QuotaMeter, UsageTracker, quota_guarded

if TYPE_CHECKING:
    from groq_quota.tracker import UsageInfo

MODEL = "openai/gpt-oss-20b"


class State(TypedDict):
    """
    What goes through the graph.
    """

    question: str
    readings: str
    answer: str


async def limit_reached(error: Exception, agent: CloudIoTAgent, question: str) -> str:
    """
    The agent's own answer in place of a refusal.
    """
    _, message = agent.tracker.check_can_make_request(agent.groq_model)
    return f"🚫 {message}. Los contadores se reinician a medianoche (UTC)."


class CloudIoTAgent:
    """
    An agent of two steps: look at the sensors, then let the model answer.
    """

    def __init__(self, llm: ChatGroq, tracker: UsageTracker) -> None:
        self.groq_model = llm.model_name
        self.tracker = tracker
        self._llm = llm
        graph = StateGraph(State)
        graph.add_node("look", self._look)
        graph.add_node("say", self._say)
        graph.add_edge(START, "look")
        graph.add_edge("look", "say")
        graph.add_edge("say", END)
        self._graph = graph.compile()

    async def _look(self, state: State) -> dict[str, str]:
        return {"readings": "temperatura: 21.5 °C, humedad: 40 %"}

    async def _say(self, state: State) -> dict[str, str]:
        prompt = f"Lecturas: {state['readings']}\nPregunta: {state['question']}"
        message = await self._llm.ainvoke(prompt)
        return {"answer": str(message.content)}

    @quota_guarded(attr="groq_model", on_refused=limit_reached)
    async def process_query(self, question: str) -> str:
        """
        The answer, with a footer where the limit is near; at the limit, a text that says so.
        """
        state = await self._graph.ainvoke({"question": question, "readings": "", "answer": ""})
        return f"{state['answer']}{self._footer()}"

    def _footer(self) -> str:
        usage = self._usage()
        if usage["status"] == "normal":
            return ""
        used, limit = usage["requests_used"], usage["requests_limit"]
        sign = "⚠️" if usage["status"] == "warning" else "🚨"
        return f"\n\n{sign} {used} de {limit} consultas de hoy ({usage['requests_percentage']} %)"

    def _usage(self) -> UsageInfo:
        return self.tracker.get_usage_info(self.groq_model)

    def health_check(self) -> dict[str, Any]:
        """
        How the agent is, for a health endpoint.
        """
        usage = self._usage()
        status = "healthy" if usage["can_make_request"] else "degraded"
        return {"agent": status, "model": self.groq_model, "api_usage": usage}


async def main() -> None:
    """
    Ask until the limit is reached.
    """
    with ExitStack() as stack:
        where: dict[str, Any] = {}
        if "GROQ_API_KEY" not in os.environ:
            from groq_quota.simulator import Simulator

            simulator = stack.enter_context(Simulator())
            where = {"base_url": simulator.base_url, "api_key": "any"}
        # Six requests a day, so that there is something to see.
        meter = groq_quota.install(QuotaMeter("memory://", limits={MODEL: {"rpd": 6}}))
        llm = ChatGroq(model=MODEL, max_tokens=60, **where)
        agent = CloudIoTAgent(llm, UsageTracker(meter=meter))
        for number in range(1, 8):
            print(f"{number}. {await agent.process_query('¿Cuál es la temperatura?')}\n")
        usage = agent.health_check()["api_usage"]
        print(f"{usage['model']}: {usage['requests_used']} de {usage['requests_limit']} consultas")


if __name__ == "__main__":
    asyncio.run(main())
