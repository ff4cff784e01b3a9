"""The CPU renderer: tiles painted by numba on all cores."""

from typing import final

import numpy as np
import torch
from jaxtyping import Float
from numba import njit, prange
from torch import Tensor

from instag.rendering.projection import project
from instag.rendering.renderer import Renderer
from instag.types import Camera, Rendering, Splats

F = np.float32
@njit(inline='always',fastmath=True)
def fexp(x):
    t=x*F(1.4426950408889634)
    t=max(t,F(-126.0))
    i=np.floor(t); f=t-i
    p=F(1.8775767e-3); p=p*f+F(8.9893397e-3); p=p*f+F(5.5826318e-2); p=p*f+F(2.4015361e-1); p=p*f+F(6.9315308e-1); p=p*f+F(9.9999994e-1)
    return p*np.int32((np.int32(i)+np.int32(127))<<np.int32(23)).view(np.float32)
@njit(cache=True)
def binning(m,ext,order,W,H,TS):
    tw=(W+TS-1)//TS; th=(H+TS-1)//TS
    cnt=np.zeros(tw*th+1,np.int32)
    N=order.shape[0]
    box=np.empty((N,4),np.int32)
    for q in range(N):
        g=order[q]; ex=ext[g,0]; ey=ext[g,1]
        if not (ex>0 and ey>0):
            box[q,0]=0;box[q,1]=0;box[q,2]=0;box[q,3]=0;continue
        x0=max(0,int(np.floor((m[g,0]-ex)/TS))); x1=min(tw,int(np.floor((m[g,0]+ex)/TS))+1)
        y0=max(0,int(np.floor((m[g,1]-ey)/TS))); y1=min(th,int(np.floor((m[g,1]+ey)/TS))+1)
        if x1<x0: x1=x0
        if y1<y0: y1=y0
        box[q,0]=x0;box[q,1]=x1;box[q,2]=y0;box[q,3]=y1
        for y in range(y0,y1):
            for x in range(x0,x1): cnt[y*tw+x+1]+=1
    for i in range(tw*th): cnt[i+1]+=cnt[i]
    ids=np.empty(cnt[tw*th],np.int32); pos=cnt[:-1].copy()
    for q in range(N):
        for y in range(box[q,2],box[q,3]):
            for x in range(box[q,0],box[q,1]):
                t=y*tw+x; ids[pos[t]]=order[q]; pos[t]+=1
    return cnt,ids
@njit(parallel=True,fastmath=True,cache=True,boundscheck=False,error_model='numpy')
def fwd(W,H,TS,rng,ids,m,con,op,ext,feat,out,Tf,last):
    tw=(W+TS-1)//TS; nt=rng.shape[0]-1; C=feat.shape[1]
    for t in prange(nt):
        ty=(t//tw)*TS; tx=(t%tw)*TS
        T=np.ones((TS,TS),np.float32); acc=np.zeros((C,TS,TS),np.float32); la=np.full((TS,TS),-1,np.int32)
        wbuf=np.empty(TS,np.float32)
        s=rng[t]; e=rng[t+1]
        for k in range(s,e):
            g=ids[k]
            mx=m[g,0]-F(tx)-F(0.5); my=m[g,1]-F(ty)-F(0.5)
            A=con[g,0]; B=con[g,1]; Cc=con[g,2]; o=op[g]
            y0=max(0,int(np.ceil(my-ext[g,1]))); y1=min(TS,int(np.floor(my+ext[g,1]))+1)
            for y in range(y0,y1):
                dy=F(y)-my; q1=B*dy; q0=F(0.5)*Cc*dy*dy
                Ty=T[y]; lay=la[y]
                for x in range(TS):
                    dx=F(x)-mx
                    a=min(F(0.99),o*fexp(-(F(0.5)*A*dx*dx+q1*dx+q0)))
                    tt=Ty[x]
                    vis=a>=F(1/255)
                    nt_=tt-tt*a
                    ok=vis & (nt_>F(1e-4))
                    a=a if ok else F(0)
                    lay[x]=np.int32(k) if ok else lay[x]
                    wbuf[x]=tt*a
                    Ty[x]=nt_ if ok else (-abs(tt) if vis else tt)
                for c in range(C):
                    fc=feat[g,c]; ac=acc[c,y]
                    for x in range(TS): ac[x]+=wbuf[x]*fc
            if ((k-s)&31)==31:
                mxT=F(0)
                for y in range(TS):
                    for x in range(TS): mxT=max(mxT,T[y,x])
                if mxT<=F(1e-4): break
        hy=min(TS,H-ty); wx=min(TS,W-tx)
        for y in range(hy):
            for x in range(wx):
                Tf[ty+y,tx+x]=abs(T[y,x]); last[ty+y,tx+x]=la[y,x]
                for c in range(C): out[ty+y,tx+x,c]=acc[c,y,x]
@njit(parallel=True,fastmath=True,cache=True,boundscheck=False,error_model='numpy')
def bwd(W,H,TS,rng,ids,m,con,op,ext,feat,Tf,last,dout,dalpha,G,M):
    # out = sum w c (no bg) ; alpha = 1-Tf
    tw=(W+TS-1)//TS; nt=rng.shape[0]-1; C=feat.shape[1]
    for t in prange(nt):
        ty=(t//tw)*TS; tx=(t%tw)*TS
        s=rng[t]; e=rng[t+1]
        T=np.ones((TS,TS),np.float32); R=np.zeros((TS,TS),np.float32); la=np.full((TS,TS),-1,np.int32); D=np.zeros((C,TS,TS),np.float32)
        v=np.empty(TS,np.float32); wv=np.empty(TS,np.float32)
        hy=min(TS,H-ty); wx=min(TS,W-tx); ml=np.int64(s)-1
        for y in range(hy):
            for x in range(wx):
                T[y,x]=Tf[ty+y,tx+x]; la[y,x]=last[ty+y,tx+x]; ml=max(ml,np.int64(la[y,x]))
                R[y,x]=-T[y,x]*dalpha[ty+y,tx+x]
                for c in range(C): D[c,y,x]=dout[ty+y,tx+x,c]
        for k in range(ml+1,e):
            for c in range(6+C): G[k,c]=F(0)
        for k in range(ml,s-1,-1):
            g=ids[k]
            mx=m[g,0]-F(tx)-F(0.5); my=m[g,1]-F(ty)-F(0.5)
            A=con[g,0]; B=con[g,1]; Cc=con[g,2]; o=op[g]
            y0=max(0,int(np.ceil(my-ext[g,1]))); y1=min(TS,int(np.floor(my+ext[g,1]))+1)
            for c in range(6+C): G[k,c]=F(0)
            s0=F(0);sx=F(0);sy=F(0);sxx=F(0);sxy=F(0);syy=F(0);so=F(0)
            for y in range(y0,y1):
                dy=F(y)-my; q1=B*dy; q0=F(0.5)*Cc*dy*dy
                Ty=T[y]; lay=la[y]; Ry=R[y]
                for x in range(TS): v[x]=F(0)
                for c in range(M):
                    fc=feat[g,c]; Dc=D[c,y]
                    for x in range(TS): v[x]+=fc*Dc[x]
                r0=F(0);rx=F(0);rxx=F(0);ro=F(0)
                for x in range(TS):
                    dx=F(x)-mx
                    ex=fexp(-(F(0.5)*A*dx*dx+q1*dx+q0))
                    ar=o*ex
                    a=min(F(0.99),ar)
                    ok=(a>=F(1/255)) & (lay[x]>=np.int32(k))
                    a=a if ok else F(0)
                    inv=F(1)/(F(1)-a)
                    tt=Ty[x]*inv
                    w=tt*a
                    da=tt*v[x]-Ry[x]*inv
                    da=da if (ok and ar<F(0.99)) else F(0)
                    Ry[x]+=w*v[x]
                    Ty[x]=tt
                    wv[x]=w
                    gp=a*da
                    ro+=ex*da
                    r0+=gp; rx+=gp*dx; rxx+=gp*dx*dx
                so+=ro; s0+=r0; sx+=rx; sxx+=rxx; sy+=r0*dy; sxy+=rx*dy; syy+=r0*dy*dy
                for c in range(C):
                    Dc=D[c,y]; z=F(0)
                    for x in range(TS): z+=wv[x]*Dc[x]
                    G[k,6+c]+=z
            G[k,0]=A*sx+B*sy; G[k,1]=B*sx+Cc*sy; G[k,2]=F(-0.5)*sxx; G[k,3]=-sxy; G[k,4]=F(-0.5)*syy; G[k,5]=so
@njit(cache=True,fastmath=True)
def scatter(ids,G,N):
    K=G.shape[1]; o=np.zeros((N,K),np.float32)
    for k in range(ids.shape[0]):
        g=ids[k]
        for c in range(K): o[g,c]+=G[k,c]
    return o


class Raster(torch.autograd.Function):
    @staticmethod
    def forward(ctx, means2d, conics, opacities, moving, detached, depths, extents, width, height):
        moving = torch.cat([moving, depths[..., None], detached], -1)
        outs, alphas, saved = [], [], []
        for frame in range(len(moving)):
            order = torch.argsort(depths[frame], stable=True).to(torch.int32).numpy()
            m, con, op, fn, en = (np.ascontiguousarray(t[frame].detach().numpy()) for t in (means2d, conics, opacities, moving, extents))
            rng, ids = binning(m, en, order, width, height, 16)
            out = np.empty((height, width, fn.shape[1]), np.float32)
            Tf = np.empty((height, width), np.float32)
            last = np.empty((height, width), np.int32)
            fwd(width, height, 16, rng, ids, m, con, op, en, fn, out, Tf, last)
            outs.append(torch.from_numpy(out))
            alphas.append(torch.from_numpy(1 - Tf))
            saved.append((rng, ids, m, con, op, en, fn, Tf, last))
        ctx.kept = width, height, saved, detached.shape[-1]
        return torch.stack(outs), torch.stack(alphas)

    @staticmethod
    def backward(ctx, do, da):
        width, height, saved, k = ctx.kept
        grads = []
        for frame, (rng, ids, m, con, op, en, fn, Tf, last) in enumerate(saved):
            G = np.empty((ids.shape[0], 6 + fn.shape[1]), np.float32)
            bwd(width, height, 16, rng, ids, m, con, op, en, fn, Tf, last, np.ascontiguousarray(do[frame].numpy()), np.ascontiguousarray(da[frame].numpy()), G, fn.shape[1] - k)
            grads.append(torch.from_numpy(scatter(ids, G, m.shape[0])))
        g = torch.stack(grads)
        c = g.shape[-1] - 7 - k
        return g[..., :2], g[..., 2:5], g[..., 5], g[..., 6 : 6 + c], g[..., 7 + c :], g[..., 6 + c], None, None, None


@final
class CpuRenderer(Renderer):
    """First port; being replaced."""

    def render(self, splats: Splats, colors: Float[Tensor, "b n c"], camera: Camera, detached: Float[Tensor, "b n k"] | None = None) -> Rendering:
        """See Renderer.render."""
        if detached is None:
            detached = colors[..., :0]
        p = project(splats, camera)
        if p.means2d.requires_grad:
            p.means2d.retain_grad()
        out, alphas = Raster.apply(p.means2d, p.conics, splats.opacities, colors, detached, p.depths, p.extents, camera.width, camera.height)
        c = colors.shape[-1]
        depths = torch.where(alphas > 0, out[..., c] / alphas.clamp(min=1e-9), 0.0)
        return Rendering(colors=out[..., :c], detached=out[..., c + 1 :], alphas=alphas, depths=depths, means2d=p.means2d, radii=p.extents.amax(-1))
