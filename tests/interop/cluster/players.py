"""python-socketio's asyncio clients, as many as are asked for: one JSON object a line on stdin says what they do, and one a line on stdout
what comes to them. Bytes are {"bytes": base64} there. players.mjs is the other end."""
import asyncio
import base64
import json
import sys

import socketio

#: The clients by their numbers, and what the other end still owes as answers.
clients, answers = {}, {}


def packed(value):
    if isinstance(value, (bytes, bytearray)):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, (list, tuple)):
        return [packed(item) for item in value]
    if isinstance(value, dict):
        return {key: packed(item) for key, item in value.items()}
    return value


def unpacked(value):
    if isinstance(value, list):
        return [unpacked(item) for item in value]
    if isinstance(value, dict):
        if list(value) == ["bytes"]:
            return base64.b64decode(value["bytes"])
        return {key: unpacked(item) for key, item in value.items()}
    return value


def tell(**news):
    print(json.dumps(news), flush=True)


def listen(number, client, namespace):
    async def anything(event, *args):
        # The client answers whatever asks, even what nobody here handles: so a question waits for its answer, for ever if need be.
        if event != "q":
            return tell(client=number, namespace=namespace, event=[event, *packed(args)])
        answer = asyncio.get_running_loop().create_future()
        answers[len(answers)] = answer
        tell(client=number, namespace=namespace, event=[event, *packed(args)], answer=len(answers) - 1)
        return await answer

    async def disconnect(reason):
        tell(client=number, namespace=namespace, down=reason)

    client.on("*", anything, namespace=namespace)
    client.on("disconnect", disconnect, namespace=namespace)


async def connect(client, url, namespaces, auth):
    number = client
    client = clients[number] = socketio.AsyncClient(reconnection=False)
    for namespace in namespaces:
        listen(number, client, namespace)
    try:
        await client.connect(url, auth=auth, namespaces=namespaces, transports=["websocket"], wait_timeout=15)
    except socketio.exceptions.ConnectionError as error:
        return tell(client=number, refused=str(error))
    tell(client=number, ids={namespace: client.get_sid(namespace) for namespace in namespaces})


async def emit(client, namespace, event, args, ask=None):
    async def answered(*answer):
        tell(asked=ask, answer=packed(answer))

    await clients[client].emit(event, tuple(unpacked(args)), namespace=namespace, callback=None if ask is None else answered)


async def main():
    reader = asyncio.StreamReader(limit=1 << 26)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    # A task that nobody holds may be collected.
    tasks = set()
    while line := await reader.readline():
        order = json.loads(line)
        do = order.pop("do")
        if do == "emit":
            await emit(**order)  # in the order in which it was said
        elif do == "answer":
            answers[order["answer"]].set_result(tuple(unpacked(order["args"])))
        else:
            task = asyncio.create_task(connect(**order) if do == "connect" else clients[order["client"]].disconnect())
            tasks.add(task)
            task.add_done_callback(tasks.discard)


asyncio.run(main())
