"""Routes of the library: avatars and videos to list, rename, fetch, bring and delete."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse

from instag.app.library import Library, import_avatar
from instag.app.names import file_name
from instag.app.uploads import received

PRIVATE = {"Cache-Control": "private, no-cache"}


def library_router(library: Library) -> APIRouter:
    """/api/library and /api/videos."""
    router = APIRouter(prefix="/api")

    @router.get("/library")
    def avatars() -> dict[str, Any]:
        return {"avatars": [asdict(entry) for entry in library.entries()]}

    @router.post("/library", status_code=201)
    async def bring(request: Request, name: str) -> dict[str, Any]:
        async with received(request, library.incoming, ".avatar") as file:
            return asdict(await run_in_threadpool(import_avatar, library, file, name))

    @router.get("/library/{identifier}")
    def avatar(identifier: str) -> dict[str, Any]:
        return asdict(library.entry(identifier))

    @router.patch("/library/{identifier}")
    def rename(identifier: str, name: Annotated[str, Body(embed=True)]) -> dict[str, Any]:
        return asdict(library.rename(identifier, name))

    @router.delete("/library/{identifier}", status_code=204)
    def delete(identifier: str) -> None:
        library.delete(identifier)

    @router.get("/library/{identifier}/picture")
    def picture(identifier: str) -> FileResponse:
        return FileResponse(library.picture(identifier), headers=PRIVATE)

    @router.get("/library/{identifier}/file")
    def export(identifier: str) -> FileResponse:
        name = library.entry(identifier).name
        return FileResponse(
            library.avatar(identifier),
            media_type="application/octet-stream",
            filename=file_name(name, ".avatar"),
            headers=PRIVATE,
        )

    @router.get("/videos")
    def videos() -> dict[str, Any]:
        return {"videos": [asdict(entry) for entry in library.all_videos()]}

    @router.get("/videos/{identifier}/file")
    def video(identifier: str) -> FileResponse:
        return FileResponse(library.video(identifier), media_type="video/mp4", headers=PRIVATE)

    @router.delete("/videos/{identifier}", status_code=204)
    def delete_video(identifier: str) -> None:
        library.delete_video(identifier)

    return router
