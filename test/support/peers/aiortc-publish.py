# A WHIP publisher on aiortc, of Debian's packages alone. Its offer gives one header extension identifier two meanings.
# Tells what happens in lines of JSON and ends, with a DELETE, when its standard input does.
# aiortc-publish.py URL BEARER

import asyncio
import json
import sys
import urllib.error
import urllib.parse
import urllib.request

from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack


def tell(event, **values):
    print(json.dumps({"event": event, **values}), flush=True)


def request(method, url, bearer, body=None):
    headers = {"Authorization": f"Bearer {bearer}"}
    if body is not None:
        headers["Content-Type"] = "application/sdp"
    data = None if body is None else body.encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=15) as reply:
        return reply.status, reply.headers, reply.read().decode()


async def main():
    url, bearer = sys.argv[1:3]
    connection = RTCPeerConnection()
    connection.addTransceiver(AudioStreamTrack(), direction="sendonly")
    connection.addTransceiver(VideoStreamTrack(), direction="sendonly")

    @connection.on("connectionstatechange")
    def on_state():
        tell("connection", state=connection.connectionState)

    await connection.setLocalDescription(await connection.createOffer())
    offer = connection.localDescription.sdp
    try:
        status, headers, answer = await asyncio.to_thread(request, "POST", url, bearer, offer)
    except urllib.error.HTTPError as error:
        tell("refused", status=error.code, body=error.read().decode(), offer=offer)
        await connection.close()
        return
    tell("answered", status=status, links=headers.get_all("Link") or [], answer=answer, offer=offer)
    await connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    await asyncio.to_thread(sys.stdin.read)
    location = urllib.parse.urljoin(url, headers["Location"])
    try:
        status, _, _ = await asyncio.to_thread(request, "DELETE", location, bearer)
    except urllib.error.HTTPError as error:
        status = error.code
    tell("deleted", status=status)
    await connection.close()
    tell("ended")


asyncio.run(main())
